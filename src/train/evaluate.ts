/**
 * Validation, protocol `packed-v1`: the mean next-token cross-entropy over a fixed slice, every predicted token
 * weighted alike, documents packed into windows of T tokens.
 */
import type { Program } from "../backends/backend.ts";
import type { ValidationSet } from "../data/batches.ts";

export const PROTOCOL = "packed-v1";

export interface Evaluation {
  /** Nats per token. */
  readonly loss: number;
  readonly ppl: number;
  /** Total bits over the UTF-8 bytes of the predicted text: comparable across tokenizers. */
  readonly bitsPerByte: number;
  readonly tokens: number;
  readonly bytes: number;
}

/** Runs the evaluation graph (`batch` windows of `seqLen` tokens a run) over the whole set. */
export async function evaluate(
  program: Program,
  set: ValidationSet,
  { batch, seqLen }: { readonly batch: number; readonly seqLen: number },
): Promise<Evaluation> {
  const ids = new Int32Array(batch * seqLen);
  const targets = new Int32Array(batch * seqLen);
  const weights = new Float32Array(batch * seqLen);
  let nats = 0;
  for (let first = 0; first < set.windows; first += batch) {
    weights.fill(0);
    for (let row = 0; row < Math.min(batch, set.windows - first); row++) {
      const window = set.window(first + row);
      ids.set(window.subarray(0, seqLen), row * seqLen);
      targets.set(window.subarray(1), row * seqLen);
      weights.fill(1, row * seqLen, (row + 1) * seqLen);
    }
    const { loss } = await program.run({ ids, targets, weights });
    nats += loss![0]!;
  }
  const loss = nats / set.tokens;
  const bitsPerByte = nats / Math.LN2 / set.utf8Bytes;
  return { loss, ppl: Math.exp(loss), bitsPerByte, tokens: set.tokens, bytes: set.utf8Bytes };
}
