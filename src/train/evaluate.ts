/** Validation: runs a protocol's rows through the evaluation graph and lets the protocol make numbers of what comes out. */
import type { Program } from "../backends/backend.ts";
import type { GroupLoss, GroupScoring, Rows, ScoredRow, Slice } from "../protocols/protocol.ts";

/** What of a program an evaluation needs. */
type Runs = Pick<Program, "run">;

export interface Evaluation {
  /** By name: what they are, the protocol's `metrics` say. */
  readonly scores: Readonly<Record<string, number>>;
  readonly tokens: number;
  readonly bytes: number;
}

/** `program`: of the graph that the slice asks for, with `batch` rows of `slice.seqLen` tokens at a time. */
export async function evaluate(program: Runs, slice: Slice, batch: number): Promise<Evaluation> {
  const scores =
    "perToken" in slice
      ? await slice.scoreTokens(scoredRows(program, slice, batch))
      : slice.scoreGroups(await groupLosses(program, slice, batch));
  return { scores, tokens: slice.tokens, bytes: slice.utf8Bytes };
}

async function groupLosses(
  program: Runs,
  slice: Rows & GroupScoring,
  batch: number,
): Promise<readonly GroupLoss[]> {
  const { rows, groupRows } = slice;
  const feeds = feedsOf(slice, batch);
  const groups: GroupLoss[] = [];
  for (let start = 0; start < rows; start += groupRows) {
    const end = Math.min(start + groupRows, rows);
    const group = { nats: 0, tokens: 0 };
    for (let first = start; first < end; first += batch) {
      const { ids, targets, weights, count } = feeds(first, Math.min(first + batch, end));
      const { loss } = await program.run({ ids, targets, weights });
      group.nats += loss![0]!;
      group.tokens += count;
    }
    groups.push(group);
  }
  return groups;
}

async function* scoredRows(program: Runs, slice: Rows, batch: number): AsyncGenerator<ScoredRow> {
  const { rows, seqLen } = slice;
  const feeds = feedsOf(slice, batch);
  const none = new Float32Array();
  for (let first = 0; first < rows; first += batch) {
    const end = Math.min(first + batch, rows);
    const { ids, targets, rowWeights } = feeds(first, end);
    const { losses = none, correct = none } = await program.run({ ids, targets });
    for (const [i, weights] of rowWeights.entries()) {
      const [from, to] = [i * seqLen, i * seqLen + weights.length];
      yield {
        index: first + i,
        weights,
        losses: losses.subarray(from, to),
        correct: correct.subarray(from, to),
      };
    }
  }
}

/** Fills the feeds with rows first .. end - 1, which are at most `batch`; the arrays are the same ones each time. */
function feedsOf(slice: Rows, batch: number) {
  const { seqLen } = slice;
  const ids = new Int32Array(batch * seqLen);
  const targets = new Int32Array(batch * seqLen);
  const weights = new Float32Array(batch * seqLen);
  const ones = new Float32Array(seqLen).fill(1);
  return (first: number, end: number) => {
    for (const feed of [ids, targets, weights]) feed.fill(0);
    const rowWeights: ArrayLike<number>[] = [];
    let count = 0;
    for (let i = first; i < end; i++) {
      const row = slice.row(i);
      const own = slice.weights?.(i) ?? ones.subarray(0, row.length - 1);
      const at = (i - first) * seqLen;
      ids.set(row.subarray(0, -1), at);
      targets.set(row.subarray(1), at);
      weights.set(own, at);
      for (let j = 0; j < own.length; j++) count += own[j]!;
      rowWeights.push(own);
    }
    return { ids, targets, weights, rowWeights, count };
  };
}
