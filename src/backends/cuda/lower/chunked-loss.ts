/** The head and its cross-entropy, chunk by chunk through one piece of memory (fuse/chunked-loss.ts). */

import { slice } from "../memory/buffer.ts";
import { launchLossAndGrad, launchTokenLosses, launchTotal } from "./cross-entropy.ts";
import type { Lowering } from "./lowering.ts";

/** Enough rows to fill a GPU with one product; a multiple of every tile. */
const MOST_ROWS = 4096;

/** The same of logits in f32, which take twice the memory. */
const MOST_EXACT_ROWS = MOST_ROWS / 2;

type Attrs = Readonly<Record<never, never>>;

export const chunkedLoss: Lowering<Attrs> = {
  reads: () => ["bf16", "bf16", "i32", "f32", "f32"],
  writes: () => ["f32", "bf16", "f32"],
  accumulates: [2],
  lower(ctx, { inputs, outputs }) {
    const [n, d] = inputs[0]!.shape as [number, number];
    const vocab = inputs[1]!.shape[0]!;
    const [h, w, targets, weights] = inputs.map((t) => ctx.view(t));
    const [loss, dh, dw] = outputs.map((t) => ctx.view(t));
    const logits = ctx.scratch("bf16", Math.min(n, MOST_ROWS) * vocab);
    const losses = ctx.scratch("f32", n);
    const dloss = inputs[4] === undefined ? ctx.scratch("f32", 1) : ctx.view(inputs[4]);
    if (inputs[4] === undefined) ctx.fill(dloss, 0);

    for (let from = 0; from < n; from += MOST_ROWS) {
      const rows = Math.min(MOST_ROWS, n - from);
      const chunk = { a: slice(h!, from * d, rows * d), z: slice(logits, 0, rows * vocab) };
      const plain = { transA: false, transB: false };
      ctx.gemm({ ...plain, m: rows, n: vocab, k: d, a: chunk.a, b: w!, transB: true, c: chunk.z });
      const [ids, factors] = [slice(targets!, from, rows), slice(weights!, from, rows)];
      launchLossAndGrad(ctx, rows, vocab, chunk.z, ids, factors, dloss, slice(losses, from, rows));
      if (dh === undefined || dw === undefined) continue;
      ctx.gemm({ ...plain, m: rows, n: d, k: vocab, a: chunk.z, b: w!, c: slice(dh, from * d, rows * d) });
      const beta = from > 0 || ctx.adds(outputs[2]!) ? 1 : 0;
      ctx.gemm({ ...plain, m: vocab, n: d, k: rows, a: chunk.z, transA: true, b: chunk.a, c: dw, beta });
    }
    launchTotal(ctx, losses, loss!, false);
  },
};

/** Logits in f32: in bf16 the two largest are often equal, and which token is chosen would hang on their order. */
export const chunkedTokenLosses: Lowering<Attrs> = {
  reads: () => ["bf16", "bf16", "i32"],
  writes: () => ["f32", "f32"],
  lower(ctx, { inputs, outputs }) {
    const [n, d] = inputs[0]!.shape as [number, number];
    const vocab = inputs[1]!.shape[0]!;
    const [h, w, targets] = inputs.map((t) => ctx.view(t));
    const results = outputs.map((t) => ctx.view(t));
    const logits = ctx.scratch("f32", Math.min(n, MOST_EXACT_ROWS) * vocab);
    for (let from = 0; from < n; from += MOST_EXACT_ROWS) {
      const rows = Math.min(MOST_EXACT_ROWS, n - from);
      const [a, c] = [slice(h!, from * d, rows * d), slice(logits, 0, rows * vocab)];
      ctx.gemm({ m: rows, n: vocab, k: d, a, transA: false, b: w!, transB: true, c });
      const [losses, correct] = results.map((view) => slice(view, from, rows));
      launchTokenLosses(ctx, rows, vocab, c, slice(targets!, from, rows), losses!, correct!);
    }
  },
};
