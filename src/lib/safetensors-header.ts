/**
 * The header of a safetensors file, read as strictly as the format is written (huggingface/safetensors, format.md):
 * the tensors' bytes lie back to back from the end of the header to the end of the file, each counted once, so that
 * no byte is read for two tensors and none goes unread. Everything is known of a tensor before any of it is read.
 */
import { UserError } from "./errors.ts";
import { strictJson, wholeNumbersOnly } from "./strict-json.ts";

/** A tensor as its header has it, its place counted from the file's first byte. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly at: number;
  readonly bytes: number;
}

/** Bytes of an element of each dtype that can be read. */
export const DTYPE_BYTES = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4 } as const;
export type ReadableDtype = keyof typeof DTYPE_BYTES;

/** Longer headers the reference does not read either. */
const MAX_HEADER = 100_000_000;

/** What is often given instead, by how it begins, which as the length of a header is beyond all files. */
const OTHERS: readonly (readonly [begins: string, what: string])[] = [
  ["PK\x03\x04", "it is a zip archive, as written by torch.save; use safetensors.torch.save_file"],
  ["version ", "it is a Git LFS pointer; fetch the file with git lfs pull"],
];

/** The error for a file that is not as the format has it. */
export const corrupt = (path: string, what: string): UserError =>
  new UserError(`${path}: truncated or corrupt safetensors file: ${what}`);

/** Where the header ends, from the file's first 8 bytes and its size. */
export function headerEnd(path: string, start: Uint8Array, size: number): number {
  const length = Number(Buffer.from(start).readBigUInt64LE(0));
  if (8 + length > size) {
    const other = OTHERS.find(([begins]) => Buffer.from(start).toString("latin1").startsWith(begins));
    throw corrupt(path, other?.[1] ?? `the header ends at byte ${8 + length} of ${size}`);
  }
  if (length > MAX_HEADER) throw corrupt(path, `a header of ${length} bytes; at most ${MAX_HEADER} are read`);
  return 8 + length;
}

/** Every tensor in the order of the header. Throws a UserError that names the tensor where the layout is not sound. */
export function tensorEntries(path: string, header: Uint8Array, size: number): readonly TensorEntry[] {
  const end = 8 + header.length;
  const entries: TensorEntry[] = [];
  for (const [name, value] of Object.entries(parsed(path, header))) {
    if (name === "__metadata__") requireStrings(path, value);
    else entries.push(entryOf(path, name, value, end));
  }
  requireBackToBack(path, entries, end, size);
  return entries;
}

function parsed(path: string, header: Uint8Array): object {
  let value: unknown;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(header);
    value = strictJson(wholeNumbersOnly(text));
  } catch (error) {
    const twice = error instanceof SyntaxError && error.message.endsWith("twice");
    throw corrupt(path, twice ? `in its header ${error.message}` : "the header is not JSON");
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw corrupt(path, "the header is not a JSON object");
}

function requireStrings(path: string, metadata: unknown): void {
  if (metadata === null) return; // the reference reads it as none
  const values =
    typeof metadata === "object" && !Array.isArray(metadata) ? Object.entries(metadata) : undefined;
  if (values === undefined) throw corrupt(path, "__metadata__ is not an object of strings");
  const odd = values.find(([, text]) => typeof text !== "string");
  if (odd !== undefined)
    throw corrupt(path, `__metadata__ has ${JSON.stringify(odd[0])}, which is not a string`);
}

function entryOf(path: string, name: string, value: unknown, end: number): TensorEntry {
  const { dtype, shape, data_offsets: offsets } = Object(value) as Readonly<Record<string, unknown>>;
  if (typeof dtype !== "string" || !areCounts(shape) || !areCounts(offsets) || offsets.length !== 2)
    throw corrupt(path, `${name} has no valid dtype, shape and data_offsets, the latter as whole numbers`);
  const width = DTYPE_BYTES[dtype as ReadableDtype] as number | undefined;
  if (width === undefined)
    throw new UserError(
      `${path}: ${name} has dtype ${dtype}; supported: ${Object.keys(DTYPE_BYTES).join(", ")}`,
    );
  const [from, to] = offsets as readonly [number, number];
  const needed = shape.reduce((count, n) => count * n, width);
  if (to - from !== needed)
    throw corrupt(path, `${name} has ${to - from} bytes where ${dtype}[${shape.join(",")}] needs ${needed}`);
  return { name, dtype, shape, at: end + from, bytes: needed };
}

const areCounts = (x: unknown): x is readonly number[] =>
  Array.isArray(x) && x.every((n) => Number.isSafeInteger(n) && n >= 0);

function requireBackToBack(path: string, entries: readonly TensorEntry[], end: number, size: number): void {
  let [at, before] = [end, "the header"];
  for (const { name, at: begins, bytes } of [...entries].sort((a, b) => a.at - b.at || a.bytes - b.bytes)) {
    if (begins < at) throw corrupt(path, `${name} overlaps ${before}`);
    if (begins > at)
      throw corrupt(path, `${begins - at} bytes between ${before} and ${name} belong to no tensor`);
    if (begins + bytes > size) throw corrupt(path, `${name} ends at byte ${begins + bytes} of ${size}`);
    [at, before] = [begins + bytes, name];
  }
  if (at < size) throw corrupt(path, `${size - at} bytes after ${before} belong to no tensor`);
}
