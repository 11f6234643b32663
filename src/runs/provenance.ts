/** What a run's folder says of where its numbers come from, for those who only read: of any version, or none. */
import { readRegular } from "../lib/regular-file.ts";
import { runFiles } from "./paths.ts";

const MAX_BYTES = 1 << 24;

/** Bits per byte as a loss in nats per token. */
export const natsPerToken = (bitsPerByte: number, utf8Bytes: number, tokens: number): number =>
  (bitsPerByte * Math.LN2 * utf8Bytes) / tokens;

/** What token frequencies cost on the validation split, in nats per token, where provenance.json has it in bits per byte. */
export function unigramLossOf(provenance: unknown): number | undefined {
  const { validation } = (provenance ?? {}) as { readonly validation?: Readonly<Record<string, unknown>> };
  const { unigram_bits_per_byte: bits, utf8_bytes: bytes, tokens } = validation ?? {};
  if (typeof bits !== "number" || typeof bytes !== "number" || typeof tokens !== "number") return undefined;
  return natsPerToken(bits, bytes, tokens);
}

/** Of the validation windows as they were predicted: another length, number or text of them gives another. */
export function validationHashOf(provenance: unknown): string | undefined {
  const { validation } = (provenance ?? {}) as { readonly validation?: { readonly sha256?: unknown } };
  return typeof validation?.sha256 === "string" ? validation.sha256 : undefined;
}

/** undefined where there is no file, or none that can be read. */
export function readProvenance(dir: string): unknown {
  try {
    return JSON.parse(readRegular(runFiles(dir).provenance, MAX_BYTES));
  } catch {
    return undefined;
  }
}
