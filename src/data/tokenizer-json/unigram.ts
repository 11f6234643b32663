/**
 * The `Unigram` model of a tokenizer.json (Kudo 2018; models/unigram/model.rs of the tokenizers library): of all ways to
 * cut a word into pieces the one with the largest sum of scores; what no piece covers costs 10 more than the worst one.
 */
import type { Model } from "./models.ts";
import { anything, bool, fieldsOf, int, nullable, type Part, shown, Unsupported } from "./unsupported.ts";
import { fallbackByte, fallbackIds } from "./vocabulary.ts";

const UNKNOWN_PENALTY = 10;

interface TrieNode {
  readonly next: Map<number, TrieNode>;
  /** Of the piece that ends here. */
  id: number;
}

export function readUnigram(part: Part, bytes: boolean): Model {
  if (bytes)
    throw new Unsupported(
      `${part.where}: behind a ByteLevel pre-tokenizer is not supported; supported: Metaspace and others`,
    );
  const fields = fieldsOf(part, {
    vocab: [anything],
    unk_id: [nullable(int), null],
    byte_fallback: [bool, false],
  });
  const pieces = piecesOf(`${part.where}.vocab`, fields.vocab);
  const { unk_id: unknown } = fields;
  const ids = new Map(pieces.map(([piece], id) => [piece, id]));
  const fallback = fields.byte_fallback ? fallbackIds(ids) : undefined;
  if (unknown === null || unknown >= pieces.length)
    throw new Unsupported(`${part.where}.unk_id: got ${shown(unknown)}; supported: the id of a piece`);
  const root = trieOf(ids);
  const scores = Float64Array.from(pieces, ([, score]) => score);
  const unknownScore =
    scores.reduce((least, score) => Math.min(least, score), Number.POSITIVE_INFINITY) - UNKNOWN_PENALTY;
  const cut = (word: string) => bestCut(word, root, scores, unknown, unknownScore);
  return {
    ids,
    size: pieces.length,
    plain: (piece) => (fallback && fallbackByte(piece)) ?? piece,
    encode(word, out) {
      for (const piece of cut(word)) {
        const id = ids.get(piece);
        const spelled = id === undefined ? Array.from(Buffer.from(piece), (byte) => fallback?.[byte]) : [id];
        if (spelled.every((byte) => byte !== undefined)) for (const byte of spelled) out.push(byte);
        else out.push(unknown);
      }
    },
  };
}

function piecesOf(where: string, vocab: unknown): readonly (readonly [string, number])[] {
  if (!Array.isArray(vocab) || vocab.length === 0)
    throw new Unsupported(`${where}: expected a list of [piece, score], got ${shown(vocab)}`);
  for (const [i, entry] of vocab.entries())
    if (
      !Array.isArray(entry) ||
      entry.length !== 2 ||
      typeof entry[0] !== "string" ||
      typeof entry[1] !== "number"
    )
      throw new Unsupported(`${where}[${i}]: got ${shown(entry)}; supported: [piece, score]`);
  return vocab as readonly (readonly [string, number])[];
}

function trieOf(ids: ReadonlyMap<string, number>): TrieNode {
  const root: TrieNode = { next: new Map(), id: -1 };
  for (const [piece, id] of ids) {
    let node = root;
    for (let i = 0; i < piece.length; i++) {
      const unit = piece.charCodeAt(i);
      const next = node.next.get(unit) ?? { next: new Map(), id: -1 };
      node.next.set(unit, next);
      node = next;
    }
    node.id = id;
  }
  return root;
}

/** Viterbi from left to right; the first found of equals stays. Neighbouring unknown characters are one piece. */
function bestCut(
  word: string,
  root: TrieNode,
  scores: Float64Array,
  unknown: number,
  unknownScore: number,
): string[] {
  const n = word.length;
  const best = new Float64Array(n + 1);
  const from = new Int32Array(n + 1).fill(-1);
  const idAt = new Int32Array(n + 1);
  const offer = (start: number, end: number, id: number, score: number) => {
    const total = best[start]! + score;
    if (from[end]! >= 0 && total <= best[end]!) return;
    [best[end], from[end], idAt[end]] = [total, start, id];
  };
  for (let start = 0; start < n; ) {
    const width = word.codePointAt(start)! > 0xffff ? 2 : 1;
    let single = false;
    let node: TrieNode | undefined = root;
    for (let i = start; i < n; ) {
      node = node.next.get(word.charCodeAt(i++));
      if (node === undefined) break;
      if (node.id < 0) continue;
      offer(start, i, node.id, scores[node.id]!);
      if (i - start === width) single = true;
    }
    if (!single) offer(start, start + width, unknown, unknownScore);
    start += width;
  }
  const pieces: string[] = [];
  for (let end = n; end > 0; ) {
    let start = from[end]!;
    if (idAt[end] === unknown) while (start > 0 && idAt[start] === unknown) start = from[start]!;
    pieces.push(word.slice(start, end));
    end = start;
  }
  return pieces.reverse();
}
