/** Builds a graph node by node, in topological order by construction, and drops what no result needs. */
import {
  type Assignment,
  type Dtype,
  type Emit,
  type Graph,
  type Node,
  type Op,
  type Shape,
  sameShape,
  show,
  type Tensor,
  type TensorType,
  type Variable,
  type VariableKind,
} from "./graph.ts";

export class GraphBuilder {
  readonly #nativeOps: ReadonlySet<string>;
  readonly #nodes: Node[] = [];
  readonly #feeds = new Map<string, Tensor>();
  readonly #variables = new Map<string, Variable>();
  readonly #assignments: Assignment[] = [];
  readonly #outputs = new Map<string, Tensor>();
  #scope = "";
  #nextId = 0;

  /** `nativeOps`: names of the composite ops the engine has kernels for; all others are expanded as they are met. */
  constructor(nativeOps: ReadonlySet<string> = new Set()) {
    this.#nativeOps = nativeOps;
  }

  /** A value given at every run. */
  feed(name: string, shape: Shape, dtype: Dtype = "f32"): Tensor {
    const tensor = this.#tensor({ shape, dtype });
    if (this.#feeds.has(name)) throw new Error(`feed ${name} exists`);
    this.#feeds.set(name, tensor);
    return tensor;
  }

  /** A value that stays on the device between runs. Asked for twice, it is the same tensor. */
  variable(name: string, shape: Shape, kind: VariableKind, dtype: Dtype = "f32"): Tensor {
    const known = this.#variables.get(name);
    if (known !== undefined) {
      if (!sameShape(known.tensor.shape, shape)) throw new Error(`variable ${name} has another shape`);
      return known.tensor;
    }
    const tensor = this.#tensor({ shape, dtype });
    this.#variables.set(name, { name, kind, tensor });
    return tensor;
  }

  readonly emit: Emit = <A>(op: Op<A>, inputs: readonly Tensor[], attrs: A): readonly Tensor[] => {
    const types = op.infer(inputs, attrs);
    const native = this.#nativeOps.has(op.name);
    if (op.expand !== undefined && !native) {
      const outputs = op.expand(this.emit, inputs, attrs);
      types.forEach((type, i) => {
        if (!sameShape(type.shape, outputs[i]!.shape)) {
          throw new Error(`${op.name} expands to ${show(outputs[i]!)} where it declares ${show(type)}`);
        }
      });
      return outputs;
    }
    return this.#append(op, inputs, attrs, types).outputs;
  };

  /** Everything emitted within `body` carries `scope` (appended to the scopes around it). */
  scoped<T>(scope: string, body: () => T): T {
    const outer = this.#scope;
    this.#scope = outer === "" ? scope : `${outer}.${scope}`;
    try {
      return body();
    } finally {
      this.#scope = outer;
    }
  }

  /** After each run, the variable holds `value` (or, accumulating, its old value plus `value`). */
  assign(variable: string, value: Tensor, { accumulate = false } = {}): void {
    const target = this.#variables.get(variable);
    if (target === undefined) throw new Error(`no variable ${variable}`);
    if (!sameShape(target.tensor.shape, value.shape)) {
      throw new Error(`${variable} is ${show(target.tensor)}, assigned ${show(value)}`);
    }
    this.#assignments.push({ variable, value, accumulate });
  }

  /** Read back under `name` after each run. */
  output(name: string, tensor: Tensor): void {
    this.#outputs.set(name, tensor);
  }

  /** The nodes so far, for transforms such as `backward`. */
  get nodes(): readonly Node[] {
    return this.#nodes;
  }

  finish(): Graph {
    const results = [...this.#outputs.values(), ...this.#assignments.map((a) => a.value)];
    return {
      nodes: needed(this.#nodes, results),
      feeds: this.#feeds,
      variables: this.#variables,
      assignments: this.#assignments,
      outputs: this.#outputs,
    };
  }

  #append<A>(op: Op<A>, inputs: readonly Tensor[], attrs: A, types: readonly TensorType[]): Node<A> {
    const outputs: Tensor[] = [];
    const node: Node<A> = { id: this.#nodes.length, op, attrs, inputs, outputs, scope: this.#scope };
    for (const type of types) outputs.push(this.#tensor(type, node));
    this.#nodes.push(node);
    return node;
  }

  #tensor(type: TensorType, producer?: Node): Tensor {
    const { shape, dtype } = type;
    if (shape.some((s) => !Number.isInteger(s) || s < 1)) throw new Error(`bad shape ${show(type)}`);
    const id = this.#nextId++;
    return producer === undefined ? { id, shape, dtype } : { id, shape, dtype, producer };
  }
}

/** The nodes that `results` depend on, in their order. */
function needed(nodes: readonly Node[], results: readonly Tensor[]): readonly Node[] {
  const wanted = new Set(results);
  const kept = nodes.toReversed().filter((node) => {
    if (!node.outputs.some((t) => wanted.has(t))) return false;
    for (const t of node.inputs) wanted.add(t);
    return true;
  });
  return kept.reverse();
}
