/** The causal softmax and its gradient, for graphs whose attention is expanded. */
import { size } from "../../../graph/graph.ts";
import { lastOf } from "../../../ops/define.ts";
import { typeOf } from "./launches.ts";
import { i32, type Lowering } from "./lowering.ts";

type Attrs = Readonly<Record<never, never>>;

export const causalSoftmax: Lowering<Attrs> = {
  writes: () => ["asked"],
  lower(ctx, { inputs: [s], outputs: [p] }) {
    const [from, to] = [ctx.view(s!), ctx.view(p!)];
    ctx.launch({
      file: "causal-softmax.cu",
      kernel: "causalSoftmax",
      define: { X: typeOf(from), Y: typeOf(to) },
      grid: size(s!.shape) / lastOf(s!),
      block: 256,
      args: [from, to, i32(lastOf(s!))],
    });
  },
};

export const softmaxGrad: Lowering<Attrs> = {
  writes: () => [{ like: 0 }],
  inPlace: true,
  lower(ctx, { inputs: [dp, p], outputs: [ds] }) {
    const [upper, chances, to] = [ctx.view(dp!), ctx.view(p!), ctx.view(ds!)];
    ctx.launch({
      file: "causal-softmax.cu",
      kernel: "softmaxGrad",
      define: { X: typeOf(upper), Y: typeOf(chances) },
      grid: size(p!.shape) / lastOf(p!),
      block: 256,
      args: [upper, chances, to, i32(lastOf(p!))],
    });
  },
};
