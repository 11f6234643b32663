/**
 * The safetensors file format (huggingface/safetensors, format.md): an 8-byte little-endian header length, a JSON
 * header {name: {dtype, shape, data_offsets}}, then the tensors' little-endian bytes back to back.
 * Writes F32 and F64; reads F64, F32, F16, BF16, I64 and I32, all as numbers.
 */
import { readFile } from "node:fs/promises";
import { UserError } from "./errors.ts";
import { writeFileAtomic } from "./fs-atomic.ts";

export interface NamedTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array | Float64Array;
}

interface HeaderEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/** Writes all tensors, whole or not at all. `metadata` goes into the header's `__metadata__`. */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, NamedTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let offset = 0;
  for (const [name, { shape, values }] of tensors) {
    const end = offset + values.byteLength;
    header[name] = {
      dtype: values instanceof Float64Array ? "F64" : "F32",
      shape,
      data_offsets: [offset, end],
    };
    offset = end;
  }
  let text = JSON.stringify(header);
  text = text.padEnd(Math.ceil(text.length / 8) * 8, " "); // tensors begin aligned to 8 bytes
  const json = Buffer.from(text);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const bodies = [...tensors.values()].map(({ values }) => {
    return new Uint8Array(values.buffer as ArrayBuffer, values.byteOffset, values.byteLength);
  });
  await writeFileAtomic(path, [length, json, ...bodies]);
}

/** Reads every tensor of a file. A file that is no safetensors file, or is cut short, is a UserError that says so. */
export async function readSafetensors(path: string): Promise<ReadonlyMap<string, NamedTensor>> {
  const file = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new UserError(`${path}: cannot be read (${error.code})`);
  });
  const broken = (what: string) => new UserError(`${path}: not a whole safetensors file: ${what}`);
  const { header, headerEnd } = headerOf(file, broken);

  const tensors = new Map<string, NamedTensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    if (!isEntry(entry)) throw broken(`${name} has no dtype, shape and data_offsets as they should be`);
    const { dtype, shape } = entry;
    const [from, to] = entry.data_offsets;
    const decoder = decoders[dtype];
    if (decoder === undefined) {
      throw new UserError(
        `${path}: ${name} has dtype ${dtype}; can read ${Object.keys(decoders).join(", ")}`,
      );
    }
    const needed = shape.reduce((count, n) => count * n, decoder.bytes);
    if (to - from !== needed)
      throw broken(`${name} has ${to - from} bytes where ${dtype}[${shape.join(",")}] needs ${needed}`);
    if (headerEnd + to > file.length)
      throw broken(`${name} ends at byte ${headerEnd + to} of ${file.length}`);
    tensors.set(name, {
      shape,
      values: decoder.decode(aligned(file.subarray(headerEnd + from, headerEnd + to))),
    });
  }
  return tensors;
}

/** The header, an object of whatever stands in it, and where it ends. */
function headerOf(file: Buffer, broken: (what: string) => Error): { header: object; headerEnd: number } {
  if (file.length < 8) throw broken(`${file.length} bytes`);
  const headerEnd = 8 + Number(file.readBigUInt64LE(0));
  if (headerEnd > file.length) throw broken(`the header ends at byte ${headerEnd} of ${file.length}`);
  let header: unknown;
  try {
    header = JSON.parse(file.toString("utf8", 8, headerEnd));
  } catch {
    throw broken("the header is not JSON");
  }
  if (typeof header === "object" && header !== null && !Array.isArray(header)) return { header, headerEnd };
  throw broken("the header is not a JSON object");
}

/** Whether a value of the header says what a tensor is. */
function isEntry(value: unknown): value is HeaderEntry {
  const { dtype, shape, data_offsets } = Object(value) as Partial<HeaderEntry>;
  const counts = (x: unknown) => Array.isArray(x) && x.every((n) => Number.isSafeInteger(n) && n >= 0);
  return typeof dtype === "string" && counts(shape) && counts(data_offsets) && data_offsets?.length === 2;
}

/** A copy that starts on an 8-byte border, as typed arrays need. */
const aligned = (bytes: Buffer): ArrayBuffer => new Uint8Array(bytes).buffer;

interface Decoder {
  /** Per element. */
  readonly bytes: number;
  readonly decode: (bytes: ArrayBuffer) => Float32Array | Float64Array;
}

const decoders: Readonly<Record<string, Decoder>> = {
  F64: { bytes: 8, decode: (bytes) => new Float64Array(bytes) },
  F32: { bytes: 4, decode: (bytes) => new Float32Array(bytes) },
  F16: { bytes: 2, decode: (bytes) => Float32Array.from(new Uint16Array(bytes), halfToNumber) },
  BF16: { bytes: 2, decode: brainsToNumbers },
  I64: { bytes: 8, decode: (bytes) => Float64Array.from(new BigInt64Array(bytes), Number) },
  I32: { bytes: 4, decode: (bytes) => Float64Array.from(new Int32Array(bytes)) },
};

/** bfloat16 is the upper half of an f32. */
function brainsToNumbers(bytes: ArrayBuffer): Float32Array {
  return new Float32Array(Uint32Array.from(new Uint16Array(bytes), (x) => x << 16).buffer);
}

/** IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits. */
function halfToNumber(h: number): number {
  const sign = h & 0x8000 ? -1 : 1;
  const exponent = (h >>> 10) & 31;
  const fraction = h & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
