"""Ids by the Hugging Face tokenizers library (pip install tokenizers==0.23.2) of small made-up tokenizer.json files.

    python scripts/oracle/tokenizers_json.py > tests/fixtures/tokenizers-json.json

Every file is a model and changes to the rest; the texts hold what the parts treat in ways of their own. A file that the
library refuses, or a text that it fails on, has null where ids would be.
"""
import json
import random
import sys

from tokenizers import Tokenizer

random.seed(int(sys.argv[1]) if len(sys.argv) > 1 else 20261130)
BYTES = [b for b in [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]]
ALPHABET, n = {}, 0
for b in range(256):
    ALPHABET[b] = chr(b) if b in BYTES else chr(0x100 + n)
    n += b not in BYTES

TEXTS = [
    "Hello world, hello  World!  It's 12345 of 6.7",
    " the ΑΣ Σ ΟΔΟΣ naïve CAFÉ e\u0301 ﬁ ſ K",
    "a\tb\r\nc\n\nd   \n e\u00a0f\u0085g\ufeffh\u200bi",
    "...what?!  (the other) -- x_y $5+6=11 <b>",
    "日本語 中文 한국어 ไทย हिन्दी عربى",
    "👩‍👩‍👧‍👦 🇩🇪 \U0001d54f ① ½ Ⅻ ²",
    "foo foobar foo_ (foo) <s> a<s>  <s>b  ZZ aZZ ZZ, [M]  [M]x",
    "hello.world..hello   ",
    "thethe the the'll WE'LL We're s's aaaaaa",
    "▁x ▁ ▁▁y",
    "x\u0300\u0301 \u0300a ÀÉ İi ẞß Ǆ",
    "",
    " ",
]
WORDS = "the he hello world in er an foo bar x y 12 ll re".split()


def bpe(symbols, merges, **more):
    vocab = list(dict.fromkeys([*symbols, *(a + b for a, b in merges)]))
    return {"type": "BPE", "vocab": {t: i for i, t in enumerate(vocab)}, "merges": [list(m) for m in merges], **more}


PAIRS = [("t", "h"), ("th", "e"), ("h", "e"), ("he", "l"), ("hel", "l"), ("hell", "o"), ("a", "a"), ("aa", "aa"), ("o", "o"),
         ("f", "oo"), ("l", "l"), ("r", "e"), ("1", "2"), ("e", "r"), ("i", "n")]
BLANKED = [("Ġ", "the"), ("Ġ", "a"), ("Ġ", "hello"), ("Ġ", "Ġ"), ("Ċ", "Ċ"), ("Ã", "©")]
LATIN = [chr(c) for c in range(0x21, 0x7F)]
META = [("▁", "the"), ("▁", "a"), ("▁", "▁"), ("▁", "x")]
FALLBACK = [f"<0x{b:02X}>" for b in range(256)]
CSP = [("t", "##h"), ("th", "##e"), ("##h", "##e"), ("##l", "##l")]
EOW = [("t", "h"), ("th", "e</w>"), ("h", "e</w>"), ("l", "l")]


def unigram(pieces, **more):
    return {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0], *([p, -round(random.uniform(1, 12), 3)] for p in pieces)], **more}


PIECES = list(dict.fromkeys(["▁", "▁the", "the", "he", "▁he", "ll", "o", "▁w", "or", "ld", "▁hello", "aa", "aaa", ".", "..", "foo", "▁foo",
                             "12", "123", *"abcdefghilmnorstuwxyHIW1234567,!?'", "é", "日", "日本", "👩", "ti"]))
PIECED = ["[UNK]", *WORDS, *(f"##{w}" for w in WORDS), *LATIN, *(f"##{c}" for c in LATIN), "日", "##é"]
MODELS = {
    "bytes": bpe(ALPHABET.values(), [*PAIRS, *BLANKED]),
    "bytes ignoring merges": bpe([*ALPHABET.values(), "Ġworld", "world", "12345"], [*PAIRS, *BLANKED], ignore_merges=True),
    "bytes twice": bpe(ALPHABET.values(), [*PAIRS, *BLANKED, *random.sample(PAIRS, 9)]),
    "bytes in part": bpe(["<unk>", *LATIN, "Ġ"], [*PAIRS, *BLANKED[:3]], unk_token="<unk>"),
    "characters": bpe(["<unk>", *LATIN, "▁", " ", "é"], [*PAIRS, *META], unk_token="<unk>"),
    "characters fused": bpe(["<unk>", *LATIN, "▁", " ", "é"], [*PAIRS, *META], unk_token="<unk>", fuse_unk=True),
    "fallback": bpe(["<unk>", *FALLBACK, *LATIN, "▁", "日"], [*PAIRS, *META], unk_token="<unk>", fuse_unk=True, byte_fallback=True),
    "fallback in part": bpe(["<unk>", *FALLBACK[0x80:0xE5], *LATIN, "▁"], [*PAIRS, *META], unk_token="<unk>", byte_fallback=True),
    "fallback in part, fused": bpe(["<unk>", *FALLBACK[0x80:0xE5], *LATIN, "▁"], [*PAIRS, *META], unk_token="<unk>", fuse_unk=True, byte_fallback=True),
    "prefix": bpe(["<unk>", *LATIN, *(f"##{c}" for c in LATIN), "the", "##he", "##ll", "th"], [], unk_token="<unk>", continuing_subword_prefix="##"),
    "suffix": bpe(["<unk>", *LATIN, *(f"{c}</w>" for c in LATIN)], EOW, unk_token="<unk>", end_of_word_suffix="</w>"),
    "unigram": unigram(PIECES),
    "unigram fallback": unigram([*FALLBACK, *PIECES], byte_fallback=True),
    "unigram fallback in part": unigram([*FALLBACK[0xA0:0xE5], *PIECES], byte_fallback=True),
    "pieces": {"type": "WordPiece", "vocab": {t: i for i, t in enumerate(dict.fromkeys(PIECED))}, "unk_token": "[UNK]",
               "continuing_subword_prefix": "##", "max_input_chars_per_word": 12},
    "words": {"type": "WordLevel", "vocab": {t: i for i, t in enumerate(["[UNK]", *WORDS, "Hello", ",", "!", "Ġthe"])}, "unk_token": "[UNK]"},
}
_m = MODELS["prefix"]
_m["merges"] = [["t", "##h"], ["th", "##e"], ["##h", "##e"], ["##l", "##l"]]

BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]
REGEXES = [
    r"\s+", r"\w+", r"[^\w\s]+", r"\d", r" ?\p{L}+", r"\b", r"(?=\d)", r"\p{N}{1,3}", r"(?i:'s|'t|'re|'ve|'m|'ll|'d)", r"[a-e]+?", r"x*",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
    r"\d{1,3}(?=(?:\d{3})*\b)", r"^.", r".$", r"(?<=o)[ ,.]", r"(?<!\d)\d\d?", r"(?>aa?)a|the", r" ?[^(\s|[.,!?…。，、।۔،])]+", r"\p{Han}|\p{Thai}+", r"\P{L}",
    r"[\x41-\x5A\u00e9\t-]", r"\h+", r"(?:ab|th)?e", r"o{2}|l{2,}|e{,1}t", r"\A.|.\z", r"[\S&]+", r"[[a-c][x-z]]", r"[\D]", r"\W",
]
PRE = [
    {"type": "Whitespace"}, {"type": "WhitespaceSplit"}, {"type": "BertPreTokenizer"}, {"type": "Digits", "individual_digits": True},
    {"type": "Digits", "individual_digits": False}, {"type": "CharDelimiterSplit", "delimiter": "o"},
    *({"type": "Punctuation", "behavior": b} for b in BEHAVIORS),
    *({"type": "Split", "pattern": {"Regex": r}, "behavior": b, "invert": random.random() < 0.5} for r in REGEXES for b in random.sample(BEHAVIORS, 2)),
    *({"type": "Split", "pattern": {"String": s}, "behavior": b, "invert": i} for s in (".", "he", " ", "") for b in BEHAVIORS for i in (False, True)),
]
METASPACES = [{"type": "Metaspace", "replacement": "▁", "prepend_scheme": s, "split": p} for s in ("always", "first", "never") for p in (True, False)] + [
    {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True}, {"type": "Metaspace", "replacement": "▁", "add_prefix_space": False, "prepend_scheme": "never"}]
NORMAL = [
    *({"type": t} for t in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents")),
    *({"type": "Strip", "strip_left": a, "strip_right": b} for a in (True, False) for b in (True, False)),
    {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
    {"type": "Replace", "pattern": {"Regex": r" {2,}"}, "content": "$1"}, {"type": "Replace", "pattern": {"Regex": r"\b"}, "content": "|"},
    {"type": "Replace", "pattern": {"String": "o"}, "content": ""},
    *({"type": "BertNormalizer", "clean_text": c, "handle_chinese_chars": h, "strip_accents": s, "lowercase": w}
      for c in (True, False) for h in (True, False) for s in (True, None, False) for w in (True, False)),
]
END = {"content": "</s>", "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}


def sequence(kind, key, steps):
    return None if not steps else steps[0] if len(steps) == 1 else {"type": "Sequence", key: steps}


def added(model):
    flag = lambda p=0.35: random.random() < p
    contents = random.sample(["foo", "<s>", "ZZ", "[M]", "  ", "the", "a", "É", "▁x", "hello", "s", "日"], random.randint(0, 4))
    tokens = [END] + [{"content": c, "single_word": flag(), "lstrip": flag(), "rstrip": flag(), "normalized": flag(), "special": flag()} for c in contents]
    vocab = model["vocab"]
    ids = vocab if isinstance(vocab, dict) else {p: i for i, (p, _) in enumerate(vocab)}
    next_id = len(ids)
    out = []
    for t in tokens:
        i = ids.get(t["content"])
        if i is None:
            i, next_id = next_id, next_id + 1
        out.append({"id": i, **t})
    return out


def case(name, normalizers, pres, plain=True):
    model = MODELS[name]
    tokens = added(model) if not plain else [{"id": len(model["vocab"]), **END}]
    return {"model": name, "added_tokens": tokens, "normalizer": sequence("n", "normalizers", normalizers),
            "pre_tokenizer": sequence("p", "pretokenizers", pres)}


def pres_for(name, some):
    if name.startswith("bytes"):
        return [*some, {**BYTE_LEVEL, "use_regex": random.random() < 0.4, "add_prefix_space": random.random() < 0.3}]
    if name.startswith("unigram") or name in ("fallback", "characters"):
        return [*some, random.choice(METASPACES)] if random.random() < 0.7 else some
    return some


cases = [case("bytes", [], [p, BYTE_LEVEL]) for p in PRE]
cases += [case(name, [n], []) for n in NORMAL for name in ("bytes in part",)]
cases += [case("bytes", [n], [BYTE_LEVEL]) for n in NORMAL]
cases += [case("unigram", [], [m]) for m in METASPACES] + [case("pieces", [NORMAL[-6]], [{"type": "BertPreTokenizer"}])]
for name in MODELS:
    for i in range(11):
        normalizers = random.sample(NORMAL, random.choice([0, 0, 1, 1, 2]))
        some = random.sample(PRE, random.choice([0, 1, 1, 2]))
        cases.append(case(name, normalizers, pres_for(name, some), plain=i < 4))

for c in cases:
    file = {"version": "1.0", "truncation": None, "padding": None, "post_processor": None, "decoder": None, **c, "model": MODELS[c["model"]]}
    for special in (True, False):
        key = "ids" if special else "ids_special_as_text"
        if not special and not any(t["special"] for t in c["added_tokens"][1:]):
            continue
        try:
            tokenizer = Tokenizer.from_str(json.dumps(file))
            tokenizer.encode_special_tokens = not special
        except BaseException as error:
            c[key] = None
            c["error"] = str(error)[:80]
            continue
        c[key] = []
        for t in TEXTS:
            try:
                c[key].append(tokenizer.encode(t, add_special_tokens=False).ids)
            except BaseException:
                c[key].append(None)
print(json.dumps({"made_with": "tokenizers 0.23.2", "texts": TEXTS, "models": MODELS, "cases": cases}, separators=(",", ":")))
