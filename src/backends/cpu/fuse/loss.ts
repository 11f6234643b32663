/** Puts `chunkedLoss` or `chunkedTokenLosses` in the place of the head and its loss where the logits are large. */
import { type Node, size, type Tensor } from "../../../graph/graph.ts";
import { fuseHeadLoss } from "../../head-loss.ts";
import { type ChunkedLossAttrs, chunkedLoss } from "./chunked-loss.ts";
import { chunkedTokenLosses } from "./chunked-token-losses.ts";

/** Logits from which on it pays. */
const LARGE = 2 ** 22;
const MOST_ROWS = 512;
const FEWEST_ROWS = 64;

/** `kept`: tensors that are read after all nodes have run. */
export const fuseLoss = (nodes: readonly Node[], kept: ReadonlySet<Tensor>): readonly Node[] =>
  fuseHeadLoss(nodes, kept, ops, ({ shape }): ChunkedLossAttrs | undefined => {
    const rows = rowsAtATime(shape[0]!);
    return size(shape) < LARGE || rows === undefined ? undefined : { rows };
  });

const ops = { loss: chunkedLoss as Node["op"], tokens: chunkedTokenLosses as Node["op"] };

/** The largest divisor of n that is small enough, unless all such are tiny. */
function rowsAtATime(n: number): number | undefined {
  for (let rows = MOST_ROWS; rows >= FEWEST_ROWS; rows--) if (n % rows === 0) return rows;
  return undefined;
}
