/**
 * Activation checkpointing (Chen et al. 2016, arXiv 1604.06174) as a graph transform: values of the forward pass that
 * the backward pass needs are computed again, just before their first reader, instead of being kept until then. The
 * copies are the same ops on the same values, so no bit changes.
 */
import { type Graph, type Node, size, type Tensor } from "./graph.ts";

/** The forward nodes among a gradient graph's nodes; all others may read what is computed again. */
export type Forward = ReadonlySet<Node>;

/** The same graph, with the results of `again` computed a second time for the nodes outside `forward`. */
export function recompute(graph: Graph, forward: Forward, again: ReadonlySet<Node>): Graph {
  if (again.size === 0) return graph;
  const nodes: Node[] = [];
  /** Tensors of the backward pass, and what it reads in the place of those computed again. */
  const remade = new Map<Tensor, Tensor>();
  const copies = new Map<Tensor, Tensor>();
  const copy = identified(graph);
  const asked = new Set([...graph.outputs.values(), ...graph.assignments.map(({ value }) => value)]);

  const read = (t: Tensor): Tensor => {
    const { producer } = t;
    if (producer === undefined) return t;
    if (again.has(producer)) {
      if (!copies.has(t)) append(producer, copies, scopedAgain(producer.scope));
      return copies.get(t)!;
    }
    if (forward.has(producer)) return t;
    if (!remade.has(t)) append(producer, remade, producer.scope);
    return remade.get(t)!;
  };
  const append = (node: Node, into: Map<Tensor, Tensor>, scope: string): void => {
    const made = copy(node, node.inputs.map(read), scope);
    nodes.push(made);
    node.outputs.forEach((t, i) => {
      into.set(t, made.outputs[i]!);
    });
  };
  /**
   * What would make others be computed again waits until its own result is read: the gradient of a loss that stands
   * beside every block, say, which would else have all blocks computed again at once.
   */
  const waits = ({ inputs, outputs }: Node): boolean =>
    inputs.some((t) => t.producer !== undefined && again.has(t.producer) && !copies.has(t)) &&
    !outputs.some((t) => asked.has(t));
  for (const node of graph.nodes) {
    if (forward.has(node)) nodes.push(node);
    else if (!remade.has(node.outputs[0]!) && !waits(node)) append(node, remade, node.scope);
  }

  return {
    ...graph,
    nodes,
    assignments: graph.assignments.map((a) => ({ ...a, value: remade.get(a.value) ?? a.value })),
    outputs: new Map([...graph.outputs].map(([name, t]) => [name, remade.get(t) ?? t])),
  };
}

const scopedAgain = (scope: string): string => (scope === "" ? "again" : `again.${scope}`);

/** Makes nodes with ids that the graph does not have yet. */
function identified(graph: Graph): (node: Node, inputs: readonly Tensor[], scope: string) => Node {
  const variables = [...graph.variables.values()].map(({ tensor }) => tensor);
  const tensors = [...graph.feeds.values(), ...variables, ...graph.nodes.flatMap(({ outputs }) => outputs)];
  let nodeId = graph.nodes.reduce((last, { id }) => Math.max(last, id), 0);
  let tensorId = tensors.reduce((last, { id }) => Math.max(last, id), 0);
  return (node, inputs, scope) => {
    const outputs: Tensor[] = [];
    const made: Node = { ...node, id: ++nodeId, inputs, outputs, scope };
    for (const { shape, dtype } of node.outputs)
      outputs.push({ id: ++tensorId, shape, dtype, producer: made });
    return made;
  };
}

/** Values of the forward pass that nodes outside it read. */
export function readBehind(graph: Graph, forward: Forward): ReadonlySet<Tensor> {
  const behind = graph.nodes.filter((node) => !forward.has(node)).flatMap(({ inputs }) => inputs);
  return new Set(behind.filter((t) => t.producer !== undefined && forward.has(t.producer)));
}

/**
 * Those of `candidates` that are worth computing again for the memory they free: what their results take must be more
 * than what would have to be kept in their stead. (A sum of a product with something kept frees nothing: the product
 * would have to be kept.) Nor are the rows' factors of a norm worth the whole norm.
 */
export function worthwhile(graph: Graph, forward: Forward, candidates: ReadonlySet<Node>): ReadonlySet<Node> {
  const read = readBehind(graph, forward);
  const kept = new Set<Tensor>();
  const again = new Set<Node>();
  for (const node of graph.nodes) {
    const wanted = node.outputs.filter((t) => read.has(t));
    if (!forward.has(node) || wanted.length === 0) continue;
    const instead = candidates.has(node) ? sources(node, kept, candidates) : new Set(wanted);
    const frees = elements(wanted) - elements(instead);
    if (frees > 0 && 2 * elements(wanted) >= elements(node.outputs)) {
      again.add(node);
      for (const t of instead) kept.add(t);
    } else for (const t of wanted) kept.add(t);
  }
  return withSources(again, kept);
}

/** What a node could be computed from, through other candidates, that is not kept so far. */
function sources(
  node: Node,
  kept: ReadonlySet<Tensor>,
  candidates: ReadonlySet<Node>,
  found = new Set<Tensor>(),
): Set<Tensor> {
  for (const t of node.inputs) {
    if (t.producer === undefined || kept.has(t)) continue;
    if (candidates.has(t.producer)) sources(t.producer, kept, candidates, found);
    else found.add(t);
  }
  return found;
}

/** With the candidates between them and what is kept. */
function withSources(again: ReadonlySet<Node>, kept: ReadonlySet<Tensor>): ReadonlySet<Node> {
  const all = new Set<Node>();
  const add = (node: Node): void => {
    if (all.has(node)) return;
    all.add(node);
    for (const t of node.inputs) if (t.producer !== undefined && !kept.has(t)) add(t.producer);
  };
  for (const node of again) add(node);
  return all;
}

const elements = (tensors: Iterable<Tensor>): number =>
  [...tensors].reduce((sum, { shape }) => sum + size(shape), 0);
