/** Validation: runs a protocol's rows through the evaluation graph and lets the protocol make one loss of theirs. */
import type { Program, Values } from "../backends/backend.ts";
import type { GroupLoss, Slice } from "../protocols/protocol.ts";

export interface Evaluation {
  /** Nats per token, as the protocol counts. */
  readonly loss: number;
  readonly ppl: number;
  /** Total bits over the UTF-8 bytes of the predicted text: comparable across tokenizers. */
  readonly bitsPerByte: number;
  readonly tokens: number;
  readonly bytes: number;
}

/**
 * Runs the evaluation graph, `batch` rows of `slice.seqLen` tokens at a time, over the whole slice. `stepFeeds`: the values
 * of what follows the optimizer step.
 */
export async function evaluate(
  program: Program,
  slice: Slice,
  batch: number,
  stepFeeds: Readonly<Record<string, Values>> = {},
): Promise<Evaluation> {
  const { seqLen, rows, groupRows, tokens, utf8Bytes } = slice;
  const ids = new Int32Array(batch * seqLen);
  const targets = new Int32Array(batch * seqLen);
  const weights = new Float32Array(batch * seqLen);

  /** Rows first .. end - 1, which are at most `batch`. */
  const run = async (first: number, end: number): Promise<GroupLoss> => {
    for (const feed of [ids, targets, weights]) feed.fill(0);
    let predicted = 0;
    for (let i = first; i < end; i++) {
      const row = slice.row(i);
      const at = (i - first) * seqLen;
      ids.set(row.subarray(0, -1), at);
      targets.set(row.subarray(1), at);
      weights.fill(1, at, at + row.length - 1);
      predicted += row.length - 1;
    }
    const { loss } = await program.run({ ids, targets, weights, ...stepFeeds });
    return { nats: loss![0]!, tokens: predicted };
  };

  const groups: GroupLoss[] = [];
  for (let start = 0; start < rows; start += groupRows) {
    const end = Math.min(start + groupRows, rows);
    const group = { nats: 0, tokens: 0 };
    for (let first = start; first < end; first += batch) {
      const part = await run(first, Math.min(first + batch, end));
      group.nats += part.nats;
      group.tokens += part.tokens;
    }
    groups.push(group);
  }
  const nats = groups.reduce((sum, group) => sum + group.nats, 0);
  const loss = slice.loss(groups);
  return { loss, ppl: Math.exp(loss), bitsPerByte: nats / Math.LN2 / utf8Bytes, tokens, bytes: utf8Bytes };
}
