/**
 * What each token costs by itself, and whether greedy decoding would choose it. For evaluation: no gradient.
 *   loss[n] = log sum_v exp x[n, v] - x[n, t],   t = target[n]
 *   correct[n] = 1 where t is the argmax of x[n], the lowest id among equals, else 0; 0 where any x[n, v] is not a number.
 */
import { type Emit, size, type Tensor } from "../graph/graph.ts";
import { defineOp, expectThat, NONE, typed } from "./define.ts";

/** What it gives of each token. */
export type TokenOutput = "losses" | "correct";

/** logits [N, V], targets i32 [N] -> losses in nats [N], correct [N]. */
export const tokenLosses = defineOp()({
  name: "tokenLosses",
  infer([logits, targets]) {
    const n = logits!.shape[0]!;
    const fits = logits!.shape.length === 2 && targets!.shape[0] === n;
    expectThat("tokenLosses", fits && targets!.dtype === "i32", logits!, targets!);
    return [typed(logits!, [n]), typed(logits!, [n])];
  },
  flops: ({ inputs: [logits] }) => 5 * size(logits!.shape),
  call:
    (op) =>
    (emit: Emit, logits: Tensor, targets: Tensor): Readonly<Record<TokenOutput, Tensor>> => {
      const [losses, correct] = emit(op, [logits, targets], NONE);
      return { losses: losses!, correct: correct! };
    },
});
