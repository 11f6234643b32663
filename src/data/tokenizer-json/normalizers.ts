/** The normalizers of a tokenizer.json by their types: what is done to a text before it is cut into words. */

import { WHITE_SPACE } from "./characters.ts";
import { precompiledNormalizer } from "./precompiled.ts";
import { patternOf } from "./split.ts";
import {
  anything,
  bool,
  fieldsOf,
  list,
  nullable,
  type Part,
  type Readers,
  readPart,
  text,
} from "./unsupported.ts";

export type Normalize = (text: string) => string;

/** `null` stands for none. */
export const readNormalizer = (where: string, value: unknown): Normalize =>
  value === null ? (given) => given : readPart(where, value, NORMALIZERS);

const unicode =
  (form: "NFC" | "NFD" | "NFKC" | "NFKD") =>
  (part: Part): Normalize => {
    fieldsOf(part, {});
    return (given) => given.normalize(form);
  };

const NORMALIZERS: Readers<Normalize> = {
  NFC: unicode("NFC"),
  NFD: unicode("NFD"),
  NFKC: unicode("NFKC"),
  NFKD: unicode("NFKD"),
  Lowercase: (part) => {
    fieldsOf(part, {});
    return lowercase;
  },
  StripAccents: (part) => {
    fieldsOf(part, {});
    return withoutMarks;
  },
  Strip: (part) => {
    const { strip_left: left, strip_right: right } = fieldsOf(part, {
      strip_left: [bool],
      strip_right: [bool],
    });
    const blank = `[${WHITE_SPACE}]+`;
    const ends = new RegExp(
      [...(left ? [`^${blank}`] : []), ...(right ? [`(?<![${WHITE_SPACE}])${blank}$`] : [])].join("|"),
      "gu",
    );
    return left || right ? (given) => given.replace(ends, "") : (given) => given;
  },
  Prepend: (part) => {
    const { prepend } = fieldsOf(part, { prepend: [text] });
    return (given) => (given === "" ? given : `${prepend}${given}`);
  },
  Replace: (part) => {
    const { pattern, content } = fieldsOf(part, { pattern: [anything], content: [text] });
    const find = patternOf(`${part.where}.pattern`, pattern, true);
    return (given) => {
      let [out, from] = ["", 0];
      for (const [start, end] of find(given)) {
        out += given.slice(from, start) + content;
        from = end;
      }
      return from === 0 && out === "" ? given : out + given.slice(from);
    };
  },
  Precompiled: (part) => {
    const { precompiled_charsmap: map } = fieldsOf(part, { precompiled_charsmap: [text] });
    return precompiledNormalizer(part.where, map);
  },
  BertNormalizer: (part) => {
    const {
      clean_text,
      handle_chinese_chars,
      strip_accents,
      lowercase: lower,
    } = fieldsOf(part, {
      clean_text: [bool],
      handle_chinese_chars: [bool],
      strip_accents: [nullable(bool)],
      lowercase: [bool],
    });
    const steps = [
      ...(clean_text ? [cleaned] : []),
      ...(handle_chinese_chars ? [spacedHan] : []),
      ...((strip_accents ?? lower) ? [(given: string) => withoutMn(given.normalize("NFD"))] : []),
      ...(lower ? [lowercase] : []),
    ];
    return (given) => steps.reduce((done, step) => step(done), given);
  },
  Sequence: (part) => {
    const { normalizers } = fieldsOf(part, { normalizers: [list] });
    const steps = normalizers.map((one, i) => readPart(`${part.where}[${i}]`, one, NORMALIZERS));
    return (given) => steps.reduce((done, step) => step(done), given);
  },
};

/** Every character by itself, as Rust's char::to_lowercase: a sigma at a word's end stays one like the others. */
const lowercase: Normalize = (given) => {
  const whole = given.toLowerCase();
  return given.includes("\u03a3") ? Array.from(given, (char) => char.toLowerCase()).join("") : whole;
};

const withoutMarks: Normalize = (given) => given.replace(/\p{M}/gu, "");
const withoutMn: Normalize = (given) => given.replace(/\p{Mn}/gu, "");

const cleaned: Normalize = (given) =>
  given
    .replace(/[\0\ufffd]|(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}\p{Cn}]/gu, "")
    .replace(new RegExp(`[${WHITE_SPACE}]`, "gu"), " ");

/** CJK ideographs, as BERT has them. */
const spacedHan: Normalize = (given) =>
  given.replace(
    /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/gu,
    " $& ",
  );
