/**
 * Megatron's `.idx`, the companion of a headerless `.bin` of token ids: magic, version 1, a code for the type of
 * the ids, the number of sequences and of document borders; then every sequence's length (int32), its first byte
 * in the `.bin` (int64), and the sequence at which each document begins (int64, one more at the end). Little-endian.
 */
const MAGIC = Buffer.from("MMIDIDX\0\0", "latin1");
const HEADER = MAGIC.length + 8 + 1 + 8 + 8;

/** The types ids are stored in here, with Megatron's code and the bytes of one. */
export const DTYPES = { uint16: { code: 8, bytes: 2 }, int32: { code: 4, bytes: 4 } } as const;
export type Dtype = keyof typeof DTYPES;

export const dtypeFor = (vocabSize: number): Dtype => (vocabSize <= 2 ** 16 ? "uint16" : "int32");

export interface Index {
  readonly dtype: Dtype;
  /** Ids of each sequence, in the order of the `.bin`. */
  readonly lengths: Int32Array;
  readonly documents: number;
  /** Ids of each document: of its sequences together. */
  readonly documentLengths: Float64Array;
  /** Ids in all. */
  readonly tokens: number;
}

/** The `.idx` of documents of these lengths that lie one after another, each a sequence of its own. */
export function indexBytes(lengths: ArrayLike<number>, dtype: Dtype): Buffer {
  const n = lengths.length;
  const out = Buffer.alloc(HEADER + 4 * n + 8 * n + 8 * (n + 1));
  MAGIC.copy(out);
  let at = out.writeBigUInt64LE(1n, MAGIC.length);
  at = out.writeUInt8(DTYPES[dtype].code, at);
  at = writeInt64(out, n, at);
  at = writeInt64(out, n + 1, at);
  for (let i = 0; i < n; i++) at = out.writeInt32LE(lengths[i]!, at);
  let byte = 0;
  for (let i = 0; i < n; i++) {
    at = writeInt64(out, byte, at);
    byte += lengths[i]! * DTYPES[dtype].bytes;
  }
  for (let i = 0; i <= n; i++) at = writeInt64(out, i, at);
  return out;
}

/** Reads an `.idx` and checks that it is whole and that its sequences lie in the `.bin` without gaps; else throws why. */
export function readIndex(bytes: Buffer): Index {
  if (bytes.length < HEADER || !bytes.subarray(0, MAGIC.length).equals(MAGIC))
    throw new Error("not a Megatron index (no MMIDIDX magic)");
  const version = bytes.readBigUInt64LE(MAGIC.length);
  if (version !== 1n) throw new Error(`version ${version} of the format, expected 1`);
  const code = bytes.readUInt8(MAGIC.length + 8);
  const dtype = (Object.keys(DTYPES) as Dtype[]).find((name) => DTYPES[name].code === code);
  if (dtype === undefined)
    throw new Error(
      `dtype code ${code}, expected ${DTYPES.uint16.code} (uint16) or ${DTYPES.int32.code} (int32)`,
    );
  const n = readInt64(bytes, MAGIC.length + 9);
  const borders = readInt64(bytes, MAGIC.length + 17);
  const expected = HEADER + 12 * n + 8 * borders;
  if (!Number.isSafeInteger(n) || bytes.length !== expected)
    throw new Error(`${bytes.length} bytes, but ${n} sequences and ${borders} borders take ${expected}`);

  const lengths = new Int32Array(n);
  let tokens = 0;
  for (let i = 0; i < n; i++) {
    const length = bytes.readInt32LE(HEADER + 4 * i);
    const pointer = readInt64(bytes, HEADER + 4 * n + 8 * i);
    if (length < 0 || pointer !== tokens * DTYPES[dtype].bytes)
      throw new Error(
        `sequence ${i} of ${length} ids begins at byte ${pointer}, expected ${tokens * DTYPES[dtype].bytes}`,
      );
    lengths[i] = length;
    tokens += length;
  }
  const documentLengths = documentsOf(bytes.subarray(HEADER + 12 * n), borders, lengths);
  return { dtype, lengths, documents: documentLengths.length, documentLengths, tokens };
}

/** From the sequence at which each document begins, and one more for the end of the last. */
function documentsOf(bytes: Buffer, borders: number, lengths: Int32Array): Float64Array {
  const documents = new Float64Array(Math.max(0, borders - 1));
  let sequence = 0;
  if (borders > 0 && readInt64(bytes, 0) !== 0)
    throw new Error(`the first document begins at sequence ${readInt64(bytes, 0)}, expected 0`);
  for (let d = 0; d < documents.length; d++) {
    const end = readInt64(bytes, 8 * (d + 1));
    if (end < sequence || end > lengths.length)
      throw new Error(
        `document ${d} of sequences ${sequence} to ${end}, of which there are ${lengths.length}`,
      );
    for (; sequence < end; sequence++) documents[d]! += lengths[sequence]!;
  }
  if (sequence !== lengths.length)
    throw new Error(`the documents end at sequence ${sequence} of ${lengths.length}`);
  return documents;
}

/** Numbers below 2^53 as int64. */
function writeInt64(out: Buffer, value: number, at: number): number {
  out.writeUInt32LE(value % 2 ** 32, at);
  return out.writeUInt32LE(Math.floor(value / 2 ** 32), at + 4);
}

const readInt64 = (bytes: Buffer, at: number): number =>
  bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32;
