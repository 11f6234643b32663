/** The pre-tokenizers of a tokenizer.json by their types: how a normalized text is cut into words. */

import { BYTE_CHARACTERS } from "../bpe/byte-alphabet.ts";
import { gpt2Words } from "../bpe/split-words.ts";
import { PUNCTUATION, RUST_WORD, WHITE_SPACE } from "./characters.ts";
import { BEHAVIORS, matchesOf, occurrencesOf, patternOf, splitter } from "./split.ts";
import {
  anything,
  bool,
  type Check,
  fieldsOf,
  list,
  nullable,
  oneOf,
  type Part,
  type Readers,
  readPart,
  Unsupported,
} from "./unsupported.ts";

/** A word, or what is not yet cut further. `first`: it begins where the text does. */
export interface Piece {
  readonly text: string;
  readonly first: boolean;
}

export interface PreTokenizer {
  /** Whether it asks where a text begins. */
  readonly asksFirst?: boolean;
  /** The pieces of a piece; none of them empty. */
  cut(piece: Piece): readonly Piece[];
  /** Whether it writes words in GPT-2's characters for bytes; only the last step may. */
  readonly bytes: boolean;
}

/** `null` stands for one that leaves the text whole. */
export const readPreTokenizer = (where: string, value: unknown): PreTokenizer =>
  value === null ? { cut: (piece) => [piece], bytes: false } : readPart(where, value, PRE_TOKENIZERS);

const splitBy = (split: (text: string) => readonly string[]): PreTokenizer => ({
  cut: (piece) => divided(piece, split(piece.text)),
  bytes: false,
});

/** Of a piece's parts only the first, where nothing before it was taken away, begins where the piece does. */
const divided = ({ text: whole, first }: Piece, parts: readonly string[]): readonly Piece[] =>
  parts.map((part, i) => ({ text: part, first: first && i === 0 && whole.startsWith(part) }));

const behavior = oneOf(...BEHAVIORS);
const classes = (inside: string): RegExp => new RegExp(`[${inside}]`, "gu");

const PRE_TOKENIZERS: Readers<PreTokenizer> = {
  ByteLevel: (part) => {
    const fields = fieldsOf(part, {
      add_prefix_space: [bool],
      trim_offsets: [bool, true],
      use_regex: [bool, true],
    });
    const split = fields.use_regex
      ? splitter(matchesOf(gpt2Words()), "Isolated")
      : (given: string) => [given];
    return {
      bytes: true,
      cut: (piece) => {
        const spaced = fields.add_prefix_space && !piece.text.startsWith(" ") ? ` ${piece.text}` : piece.text;
        return divided({ ...piece, text: spaced }, split(spaced));
      },
    };
  },
  Split: (part) => {
    const {
      pattern,
      behavior: how,
      invert,
    } = fieldsOf(part, {
      pattern: [anything],
      behavior: [behavior],
      invert: [bool],
    });
    return splitBy(splitter(patternOf(`${part.where}.pattern`, pattern), how, invert));
  },
  Punctuation: (part) => {
    const { behavior: how } = fieldsOf(part, { behavior: [behavior, "Isolated"] });
    return splitBy(splitter(matchesOf(classes(PUNCTUATION)), how));
  },
  Digits: (part) => {
    const { individual_digits: each } = fieldsOf(part, { individual_digits: [bool] });
    return splitBy(splitter(matchesOf(/\p{N}/gu), each ? "Isolated" : "Contiguous"));
  },
  Whitespace: (part) => {
    fieldsOf(part, {});
    const words = new RegExp(`[${RUST_WORD}]+|[^${RUST_WORD}${WHITE_SPACE}]+`, "gu");
    return splitBy(splitter(matchesOf(words), "Removed", true));
  },
  WhitespaceSplit: (part) => {
    fieldsOf(part, {});
    return splitBy(splitter(matchesOf(classes(WHITE_SPACE)), "Removed"));
  },
  CharDelimiterSplit: (part) => {
    const { delimiter } = fieldsOf(part, { delimiter: [character] });
    return splitBy(splitter(occurrencesOf(delimiter), "Removed"));
  },
  BertPreTokenizer: (part) => {
    fieldsOf(part, {});
    return sequence([
      splitBy(splitter(matchesOf(classes(WHITE_SPACE)), "Removed")),
      splitBy(splitter(matchesOf(classes(PUNCTUATION)), "Isolated")),
    ]);
  },
  Metaspace: metaspace,
  Sequence: (part) => {
    const { pretokenizers } = fieldsOf(part, { pretokenizers: [list] });
    const steps = pretokenizers.map((one, i) => readPart(`${part.where}[${i}]`, one, PRE_TOKENIZERS));
    if (steps.slice(0, -1).some(({ bytes }) => bytes))
      throw new Unsupported(
        `${part.where}: ByteLevel before another step is not supported; supported: as the last one`,
      );
    return sequence(steps);
  },
};

const character: Check<string> = {
  is: (x): x is string => typeof x === "string" && [...x].length === 1,
  expected: "one character",
};

function sequence(steps: readonly PreTokenizer[]): PreTokenizer {
  return {
    bytes: steps.at(-1)?.bytes ?? false,
    asksFirst: steps.some(({ asksFirst }) => asksFirst),
    cut: (piece) =>
      steps.reduce<readonly Piece[]>((pieces, step) => pieces.flatMap((one) => step.cut(one)), [piece]),
  };
}

/** SentencePiece's: blanks are written as U+2581, one is put before the text, and words begin at them. */
function metaspace(part: Part): PreTokenizer {
  const fields = fieldsOf(part, {
    replacement: [character],
    prepend_scheme: [oneOf("always", "first", "never"), undefined],
    split: [nullable(bool), true],
    add_prefix_space: [nullable(bool), null],
    str_rep: [anything, null],
  });
  const { replacement, add_prefix_space: prefix } = fields;
  const scheme = fields.prepend_scheme ?? (prefix === false ? "never" : "always");
  if (prefix === false && scheme !== "never")
    throw new Unsupported(`${part.where}: add_prefix_space: false contradicts prepend_scheme: "${scheme}"`);
  const split =
    (fields.split ?? true)
      ? splitter(occurrencesOf(replacement), "MergedWithNext")
      : (given: string) => (given === "" ? [] : [given]);
  return {
    bytes: false,
    asksFirst: scheme === "first",
    cut(piece) {
      const written = piece.text.replaceAll(" ", replacement);
      const wants = scheme === "always" || (scheme === "first" && piece.first);
      const whole = wants && !written.startsWith(replacement) ? `${replacement}${written}` : written;
      return divided({ text: whole, first: piece.first }, split(whole));
    },
  };
}

/** A word as GPT-2's characters for its UTF-8 bytes. */
export const inByteCharacters = (word: string): string => {
  let written = "";
  for (const byte of Buffer.from(word, "utf8")) written += BYTE_CHARACTERS[byte]!;
  return written;
};
