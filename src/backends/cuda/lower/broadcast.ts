/** Products and sums with a smaller operand (ops/broadcast.ts): one launch of a plain loop each. */
import { size, type TensorType } from "../../../graph/graph.ts";
import { type Broadcast, broadcast } from "../../../ops/broadcast.ts";
import { lastOf } from "../../../ops/define.ts";
import { BLOCK, elementwise, typeOf } from "./launches.ts";
import { i32, type Launch, type Lowering } from "./lowering.ts";

type Attrs = Readonly<Record<never, never>>;

/** The `-D` options of broadcast.cuh. */
function definesOf(smaller: TensorType, x: TensorType): NonNullable<Launch["define"]> {
  const options: Readonly<Record<Broadcast, NonNullable<Launch["define"]>>> = {
    same: {},
    one: { ONE: 1 },
    columns: { COLUMNS: 1, WIDTH: lastOf(x) },
    rows: { ROWS: 1, WIDTH: lastOf(x) },
  };
  return options[broadcast(smaller.shape, x.shape)!];
}

export const mul: Lowering<Attrs> = {
  writes: () => ["asked"],
  passesOn: true,
  inPlace: true,
  lower(ctx, { inputs: [a, b], outputs: [out] }) {
    const [from, by, to] = [ctx.view(a!), ctx.view(b!), ctx.view(out!)];
    const n = size(out!.shape);
    ctx.launch({
      file: "mul.cu",
      kernel: "mul",
      define: { ...definesOf(b!, a!), A: typeOf(from), B: typeOf(by), Y: typeOf(to) },
      grid: elementwise(n),
      block: BLOCK,
      args: [from, by, to, i32(n)],
    });
  },
};

export const bias: Lowering<Attrs> = {
  writes: () => ["asked"],
  passesOn: true,
  inPlace: true,
  lower(ctx, { inputs: [x, b], outputs: [out] }) {
    const [from, by, to] = [ctx.view(x!), ctx.view(b!), ctx.view(out!)];
    const n = size(out!.shape);
    ctx.launch({
      file: "bias.cu",
      kernel: "bias",
      define: { ...definesOf(b!, x!), X: typeOf(from), B: typeOf(by), Y: typeOf(to) },
      grid: elementwise(n),
      block: BLOCK,
      args: [from, by, to, i32(n)],
    });
  },
};
