/**
 * The safetensors file format (huggingface/safetensors, format.md): an 8-byte little-endian header length, a JSON
 * header {name: {dtype, shape, data_offsets}}, then the tensors' little-endian bytes back to back.
 * Writes F32 and F64; reads F64, F32, F16, BF16, I64 and I32, all as numbers.
 */
import { type FileHandle, open } from "node:fs/promises";
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

/**
 * Reads every tensor of a file of any length, one after another. A file that is no safetensors file, or is cut short,
 * is a UserError that says so.
 */
export async function readSafetensors(path: string): Promise<ReadonlyMap<string, NamedTensor>> {
  let file: FileHandle | undefined;
  try {
    file = await open(path);
    return await readTensors(path, file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw code === undefined ? error : new UserError(`${path}: cannot be read (${code})`);
  } finally {
    await file?.close();
  }
}

async function readTensors(path: string, file: FileHandle): Promise<ReadonlyMap<string, NamedTensor>> {
  const broken = (what: string) => new UserError(`${path}: truncated or corrupt safetensors file: ${what}`);
  const { size } = await file.stat();
  const { header, headerEnd } = await headerOf(file, size, broken);
  const tensors = new Map<string, NamedTensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    if (!isEntry(entry)) throw broken(`${name} has no valid dtype, shape and data_offsets`);
    const { dtype, shape } = entry;
    const [from, to] = entry.data_offsets;
    const decoder = decoders[dtype];
    if (decoder === undefined) {
      throw new UserError(
        `${path}: ${name} has dtype ${dtype}; supported: ${Object.keys(decoders).join(", ")}`,
      );
    }
    const needed = shape.reduce((count, n) => count * n, decoder.bytes);
    if (to - from !== needed)
      throw broken(`${name} has ${to - from} bytes where ${dtype}[${shape.join(",")}] needs ${needed}`);
    if (headerEnd + to > size) throw broken(`${name} ends at byte ${headerEnd + to} of ${size}`);
    tensors.set(name, { shape, values: decoder.decode(await readBytes(file, headerEnd + from, needed)) });
  }
  return tensors;
}

/** What is often given instead, by how it begins, which as the length of a header is beyond all files. */
const OTHERS: readonly (readonly [begins: string, what: string])[] = [
  ["PK\x03\x04", "it is a zip archive, as written by torch.save; use safetensors.torch.save_file"],
  ["version ", "it is a Git LFS pointer; fetch the file with git lfs pull"],
];

/** The header, an object of whatever stands in it, and where it ends. */
async function headerOf(
  file: FileHandle,
  size: number,
  broken: (what: string) => Error,
): Promise<{ header: object; headerEnd: number }> {
  if (size < 8) throw broken(`${size} bytes`);
  const start = await readBytes(file, 0, 8);
  const length = Number(new DataView(start).getBigUint64(0, true));
  const headerEnd = 8 + length;
  if (headerEnd > size) {
    const other = OTHERS.find(([begins]) => Buffer.from(start).toString("latin1").startsWith(begins));
    throw broken(other?.[1] ?? `the header ends at byte ${headerEnd} of ${size}`);
  }
  let header: unknown;
  try {
    header = JSON.parse(Buffer.from(await readBytes(file, 8, length)).toString("utf8"));
  } catch {
    throw broken("the header is not JSON");
  }
  if (typeof header === "object" && header !== null && !Array.isArray(header)) return { header, headerEnd };
  throw broken("the header is not a JSON object");
}

/** `length` bytes from `at`, in memory of their own; a read may come in parts. */
async function readBytes(file: FileHandle, at: number, length: number): Promise<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const part = Math.min(length - done, 1 << 30);
    const { bytesRead } = await file.read(bytes, done, part, at + done);
    if (bytesRead === 0) throw new Error(`the file ended at byte ${at + done}`);
    done += bytesRead;
  }
  return bytes.buffer;
}

/** Whether a value of the header says what a tensor is. */
function isEntry(value: unknown): value is HeaderEntry {
  const { dtype, shape, data_offsets } = Object(value) as Partial<HeaderEntry>;
  const counts = (x: unknown) => Array.isArray(x) && x.every((n) => Number.isSafeInteger(n) && n >= 0);
  return typeof dtype === "string" && counts(shape) && counts(data_offsets) && data_offsets?.length === 2;
}

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
