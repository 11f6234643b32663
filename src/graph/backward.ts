/**
 * Reverse-mode differentiation as a graph transform: walks the nodes back from a scalar loss and emits each op's
 * gradient rule, so the backward pass is graph like the forward pass, planned and counted alike.
 */
import type { GraphBuilder } from "./builder.ts";
import type { Emit, Tensor } from "./graph.ts";

/** The two ops the transform itself needs, handed in so that this room knows no op by name. */
export interface Arithmetic {
  /** Sum of two tensors of one shape. */
  readonly add: (emit: Emit, a: Tensor, b: Tensor) => Tensor;
  /** A constant. */
  readonly fill: (emit: Emit, shape: readonly number[], value: number) => Tensor;
}

/** Told of d loss / d x of a tensor as soon as it is known; it may add nodes. */
export type Watch = ReadonlyMap<Tensor, (gradient: Tensor) => void>;

/**
 * d loss / d x for each x of `wrt`, of x's shape (zeros where the loss does not depend on x).
 * Contributions over several paths are added in reverse order of the forward nodes: a fixed order, so the same bits.
 * `watch`: of results on the way from `wrt` to the loss, which need not be kept until the end to be looked at.
 */
export function backward(
  b: GraphBuilder,
  loss: Tensor,
  wrt: readonly Tensor[],
  arithmetic: Arithmetic,
  watch: Watch = new Map(),
): readonly Tensor[] {
  if (loss.shape.length !== 0) throw new Error("the loss must be a scalar");
  const gradients = new Map<Tensor, Tensor>([[loss, arithmetic.fill(b.emit, [], 1)]]);
  const active = reaches(b, new Set(wrt));

  for (const node of b.nodes.slice(0, (loss.producer?.id ?? -1) + 1).reverse()) {
    if (!active.has(node.id)) continue;
    const dy = node.outputs.map((t) => gradients.get(t));
    if (dy.every((g) => g === undefined)) continue;
    // All who read the node's outputs have been walked: these gradients are whole.
    for (const [i, g] of dy.entries()) if (g !== undefined) watch.get(node.outputs[i]!)?.(g);
    const { op } = node;
    if (op.grad === undefined) throw new Error(`op ${op.name} has no gradient`);
    b.scoped(node.scope === "" ? "grad" : `grad.${node.scope}`, () => {
      const dx = op.grad?.(b.emit, {
        node,
        inputs: node.inputs,
        outputs: node.outputs,
        attrs: node.attrs,
        dy,
      });
      node.inputs.forEach((input, i) => {
        const g = dx?.[i];
        if (g === undefined) return;
        const earlier = gradients.get(input);
        gradients.set(input, earlier === undefined ? g : arithmetic.add(b.emit, earlier, g));
      });
    });
  }
  return wrt.map((x) => gradients.get(x) ?? arithmetic.fill(b.emit, x.shape, 0));
}

/** Ids of the nodes that depend on any of `sources`. */
function reaches(b: GraphBuilder, sources: ReadonlySet<Tensor>): ReadonlySet<number> {
  const tensors = new Set(sources);
  const nodes = new Set<number>();
  for (const node of b.nodes) {
    if (!node.inputs.some((t) => tensors.has(t))) continue;
    nodes.add(node.id);
    for (const t of node.outputs) tensors.add(t);
  }
  return nodes;
}
