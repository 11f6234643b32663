/**
 * Cross-entropy with log-probabilities kept, its gradient, the form that turns logits into their gradient in place, and
 * each token's loss by itself.
 */

import type { BufferView } from "../memory/buffer.ts";
import { typeOf } from "./launches.ts";
import { type Context, i32, type Lowering } from "./lowering.ts";

type Attrs = Readonly<Record<never, never>>;
const THREADS = 512;

export const crossEntropy: Lowering<Attrs> = {
  reads: () => ["any", "i32", "f32"],
  // In bf16 a log-probability of -10 would be off by 2 %.
  writes: () => ["f32", "f32"],
  lower(ctx, { inputs: [logits, targets, weights], outputs: [loss, logp] }) {
    const [rows, vocab] = logits!.shape as [number, number];
    const [x, lp] = [ctx.view(logits!), ctx.view(logp!)];
    const losses = ctx.scratch("f32", rows);
    ctx.launch({
      file: "cross-entropy.cu",
      kernel: "crossEntropy",
      define: { X: typeOf(x), LOGP: typeOf(lp), VOCAB: vocab },
      grid: rows,
      block: THREADS,
      args: [x, ctx.view(targets!), ctx.view(weights!), losses, lp],
    });
    launchTotal(ctx, losses, ctx.view(loss!), false);
  },
};

export const crossEntropyGrad: Lowering<Attrs> = {
  reads: () => ["any", "i32", "f32", "f32"],
  writes: () => ["asked"],
  lower(ctx, { inputs: [logp, targets, weights, dloss], outputs: [dlogits] }) {
    const [rows, vocab] = logp!.shape as [number, number];
    const [lp, dx] = [ctx.view(logp!), ctx.view(dlogits!)];
    ctx.launch({
      file: "cross-entropy.cu",
      kernel: "crossEntropyGrad",
      define: { X: typeOf(dx), LOGP: typeOf(lp), VOCAB: vocab },
      grid: rows,
      block: THREADS,
      args: [lp, ctx.view(targets!), ctx.view(weights!), ctx.view(dloss!), dx],
    });
  },
};

export const tokenLosses: Lowering<Attrs> = {
  reads: () => ["f32", "i32"],
  writes: () => ["f32", "f32"],
  lower(ctx, { inputs: [logits, targets], outputs: [losses, correct] }) {
    const [rows, vocab] = logits!.shape as [number, number];
    const [x, ids] = [ctx.view(logits!), ctx.view(targets!)];
    launchTokenLosses(ctx, rows, vocab, x, ids, ctx.view(losses!), ctx.view(correct!));
  },
};

/** The loss of each row of logits [rows, vocab], and 1 where its target is the argmax. */
export function launchTokenLosses(
  ctx: Context,
  rows: number,
  vocab: number,
  logits: BufferView,
  targets: BufferView,
  losses: BufferView,
  correct: BufferView,
): void {
  ctx.launch({
    file: "cross-entropy.cu",
    kernel: "tokenLosses",
    define: { X: typeOf(logits), LOGP: "float", VOCAB: vocab },
    grid: rows,
    block: THREADS,
    args: [logits, targets, losses, correct],
  });
}

/** Turns logits [rows, vocab] into dlogits where they lie and writes each row's share of the loss to losses [rows]. */
export function launchLossAndGrad(
  ctx: Context,
  rows: number,
  vocab: number,
  logits: BufferView,
  targets: BufferView,
  weights: BufferView,
  dloss: BufferView,
  losses: BufferView,
): void {
  ctx.launch({
    file: "cross-entropy.cu",
    kernel: "lossAndGrad",
    define: { X: typeOf(logits), LOGP: "float", VOCAB: vocab },
    grid: rows,
    block: THREADS,
    args: [logits, targets, weights, dloss, losses],
  });
}

/** sum (+)= the numbers of `parts`, in a fixed order. */
export function launchTotal(ctx: Context, parts: BufferView, sum: BufferView, adds: boolean): void {
  ctx.launch({
    file: "sums.cu",
    kernel: "total",
    define: adds ? { ADD: 1 } : {},
    grid: 1,
    block: 256,
    args: [parts, sum, i32(parts.elements)],
  });
}
