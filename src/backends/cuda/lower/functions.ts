/** Functions of one number, and their gradients: one launch of a plain loop each. */
import { size } from "../../../graph/graph.ts";
import { BLOCK, elementwise, typeOf } from "./launches.ts";
import { i32, type Lowering } from "./lowering.ts";

/** A kernel over equally many elements of its one or two inputs, of types A and B, and of its output, of type Y. */
const pointwise = (file: string, kernel: string): Lowering<Readonly<Record<never, never>>> => ({
  writes: () => ["asked"],
  passesOn: true,
  inPlace: true,
  lower(ctx, { inputs, outputs: [out] }) {
    const [from, to] = [inputs.map((t) => ctx.view(t)), ctx.view(out!)];
    const n = size(out!.shape);
    ctx.launch({
      file,
      kernel,
      define: { A: typeOf(from[0]!), B: typeOf(from.at(-1)!), Y: typeOf(to) },
      grid: elementwise(n),
      block: BLOCK,
      args: [...from, to, i32(n)],
    });
  },
});

export const sigmoid = pointwise("sigmoid.cu", "sigmoidForward");
export const sigmoidGrad = pointwise("sigmoid.cu", "sigmoidBackward");
export const erf = pointwise("erf.cu", "erfForward");
export const erfGrad = pointwise("erf.cu", "erfBackward");
export const tanh = pointwise("tanh.cu", "tanhForward");
export const tanhGrad = pointwise("tanh.cu", "tanhBackward");
