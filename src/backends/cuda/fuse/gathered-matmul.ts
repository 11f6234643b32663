/**
 * Tokens' rows that only the experts' products read are not written out, once for every slot: the products look up
 * which row of x stands for each of theirs. With k slots to a token this keeps a k-th of the memory until backward.
 *   xs[s] = x[floor(order[s] / k)],   y = xs W_e   and   dW_e = left_e^T xs_e
 */
import type { Node, Tensor } from "../../../graph/graph.ts";
import { readersOf, substituted } from "../../../graph/rewrite.ts";
import { defineOp } from "../../../ops/define.ts";
import { type DispatchAttrs, dispatch } from "../../../ops/dispatch.ts";
import { type GroupedMatmulAttrs, groupedMatmul, groupedMatmulGrad } from "../../../ops/grouped-matmul.ts";

const slotsOf = (x: Tensor, order: Tensor): Tensor => ({ ...x, shape: [order.shape[0]!, x.shape[1]!] });

/** x [N, K], order i32 [S], counts i32 [E], W_0 .. W_{E-1} as in groupedMatmul -> [S, M]. */
export const gatheredMatmul = defineOp<GroupedMatmulAttrs & DispatchAttrs>()({
  name: "gatheredMatmul",
  infer: ([x, order, ...rest], attrs) =>
    groupedMatmul.infer([slotsOf(x as Tensor, order as Tensor), ...rest], attrs),
  flops: ({ outputs: [y], inputs: [x] }) => 2 * y!.shape[0]! * y!.shape[1]! * x!.shape[1]!,
});

/** left [S, M], x [N, K], order i32 [S], counts i32 [E] -> E of [M, K]. */
export const gatheredMatmulGrad = defineOp<DispatchAttrs>()({
  name: "gatheredMatmulGrad",
  infer: ([left, x, order, counts]) =>
    groupedMatmulGrad.infer([left!, slotsOf(x as Tensor, order as Tensor), counts!], {}),
  flops: ({ inputs: [left, x] }) => 2 * left!.shape[0]! * left!.shape[1]! * x!.shape[1]!,
});

export function fuseGatheredMatmul(nodes: readonly Node[], kept: ReadonlySet<Tensor>): readonly Node[] {
  const readers = readersOf(nodes);
  const replaced = new Map<Node, Node | undefined>();
  for (const node of nodes) {
    const xs = node.outputs[0]!;
    if (node.op.name !== dispatch.name || kept.has(xs)) continue;
    const products = (readers.get(xs) ?? []).map((reader) =>
      gathering(reader, xs, node as Node<DispatchAttrs>),
    );
    if (products.includes(undefined)) continue;
    replaced.set(node, undefined);
    readers.get(xs)?.forEach((reader, i) => {
      replaced.set(reader, products[i]);
    });
  }
  return substituted(nodes, replaced);
}

/** The reader with the look-up in it, if it is a product that can have it. */
function gathering(
  reader: Node,
  xs: Tensor,
  { inputs, attrs: { k } }: Node<DispatchAttrs>,
): Node | undefined {
  const [x, order] = inputs as [Tensor, Tensor];
  const [first, second, ...rest] = reader.inputs as [Tensor, Tensor, ...Tensor[]];
  if (rest.includes(xs)) return undefined;
  if (reader.op.name === groupedMatmul.name && first === xs) {
    const attrs = { ...(reader.attrs as GroupedMatmulAttrs), k };
    return { ...reader, op: gatheredMatmul, attrs, inputs: [x, order, second, ...rest] } as Node;
  }
  if (reader.op.name === groupedMatmulGrad.name && second === xs && first !== xs)
    return { ...reader, op: gatheredMatmulGrad, attrs: { k }, inputs: [first, x, order, ...rest] } as Node;
  return undefined;
}
