/**
 * The safetensors file format (huggingface/safetensors, format.md): an 8-byte little-endian header length, a JSON
 * header {name: {dtype, shape, data_offsets}}, then the tensors' little-endian bytes back to back.
 * Writes F32 and F64; reads F64, F32, F16, BF16, I64 and I32, all as numbers.
 */
import { type FileHandle, open } from "node:fs/promises";
import { UserError } from "./errors.ts";
import { writeFileAtomic } from "./fs-atomic.ts";
import { corrupt, headerEnd, type ReadableDtype, tensorEntries } from "./safetensors-header.ts";

export interface NamedTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array | Float64Array;
}

/** Writes all tensors, whole or not at all. `metadata` goes into the header's `__metadata__`. */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, NamedTensor>,
  metadata: Readonly<Record<string, string>> = {},
  write: (path: string, pieces: readonly Uint8Array[]) => Promise<void> = writeFileAtomic,
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
  await write(path, [length, json, ...bodies]);
}

/**
 * Reads every tensor of a file of any length, one after another. A file that is no safetensors file, is cut short, or
 * is not laid out as the format wants is a UserError that says so.
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
  const { size } = await file.stat();
  if (size < 8) throw corrupt(path, `${size} bytes`);
  const end = headerEnd(path, new Uint8Array(await readBytes(file, 0, 8)), size);
  const header = new Uint8Array(await readBytes(file, 8, end - 8));
  const tensors = new Map<string, NamedTensor>();
  for (const { name, dtype, shape, at, bytes } of tensorEntries(path, header, size)) {
    const decode = decoders[dtype as ReadableDtype];
    tensors.set(name, { shape, values: decode(await readBytes(file, at, bytes)) });
  }
  return tensors;
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

const decoders: Readonly<Record<ReadableDtype, (bytes: ArrayBuffer) => Float32Array | Float64Array>> = {
  F64: (bytes) => new Float64Array(bytes),
  F32: (bytes) => new Float32Array(bytes),
  F16: (bytes) => Float32Array.from(new Uint16Array(bytes), halfToNumber),
  BF16: brainsToNumbers,
  I64: (bytes) => Float64Array.from(new BigInt64Array(bytes), Number),
  I32: (bytes) => Float64Array.from(new Int32Array(bytes)),
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
