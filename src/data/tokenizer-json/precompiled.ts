/**
 * SentencePiece's precompiled normalization (T5, mT5, XLM-R): a double-array trie (darts-clone) from characters to where
 * in a blob their replacement stands, ended by a zero byte. As the spm_precompiled crate applies it: to grapheme
 * clusters of fewer than 6 UTF-8 bytes as a whole, else to every code point, by the shortest key that they begin with.
 */
import { Unsupported } from "./unsupported.ts";

export function precompiledNormalizer(where: string, base64: string): (text: string) => string {
  const blob = Buffer.from(base64, "base64");
  const broken = () => new Unsupported(`${where}.precompiled_charsmap: is not a charsmap of SentencePiece`);
  if (blob.length < 4 || 4 + blob.readUInt32LE(0) > blob.length || blob.readUInt32LE(0) % 4 !== 0)
    throw broken();
  const size = blob.readUInt32LE(0) / 4;
  const units = Uint32Array.from({ length: size }, (_, i) => blob.readUInt32LE(4 + 4 * i));
  const texts = blob.subarray(4 + 4 * size);
  const known = new Map<string, string | undefined>();

  const replacement = (piece: string): string | undefined => {
    if (!known.has(piece)) known.set(piece, lookUp(Buffer.from(piece)));
    return known.get(piece);
  };
  const lookUp = (key: Buffer): string | undefined => {
    let node = offsetOf(units[0] ?? 0);
    for (const byte of key) {
      if (byte === 0) return undefined;
      node ^= byte;
      const unit = units[node];
      if (unit === undefined) throw broken();
      if (labelOf(unit) !== byte) return undefined;
      node ^= offsetOf(unit);
      if (((unit >>> 8) & 1) === 1) {
        const from = (units[node] ?? 0) & 0x7fffffff;
        const to = texts.indexOf(0, from);
        return texts.subarray(from, to < 0 ? texts.length : to).toString("utf8");
      }
    }
    return undefined;
  };
  const each = (cluster: string): string => {
    if (cluster.length > 1 && Buffer.byteLength(cluster) < 6) {
      const whole = replacement(cluster);
      if (whole !== undefined) return whole;
    }
    let out = "";
    for (const char of cluster) out += replacement(char) ?? char;
    return out;
  };
  return (text) =>
    text.replace(STRETCHES, (stretch) => {
      if (stretch.length === 1 || stretch === "\r\n") return each(stretch);
      let out = "";
      for (const { segment } of graphemes.segment(stretch)) out += each(segment);
      return out;
    });
}

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });
/**
 * Only beside what is not ASCII can a cluster have more than one code point, and there is always a border between two
 * of ASCII, but for a line's end: stretches of those with a neighbour on either side, and all else by itself.
 */
const STRETCHES = /\r\n|[\0-\x7f]?(?:[^\0-\x7f]+[\0-\x7f]?)+|[\0-\x7f]/gu;

/** The fields of a unit of darts-clone. */
const labelOf = (unit: number): number => (unit & 0x800000ff) >>> 0;
const offsetOf = (unit: number): number => ((unit >>> 10) << ((unit & (1 << 9)) >>> 6)) >>> 0;
