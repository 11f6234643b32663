/** A compiled plan: feeds in, the ONNX session, the host part, assignments, outputs out. */
import { type Graph, size, type Tensor } from "../../graph/graph.ts";
import type { Floats, Program, Values } from "../backend.ts";
import { directWrites } from "./direct-writes.ts";
import type { HostArray } from "./host/host-kernel.ts";
import { kernelOf } from "./kernels.ts";
import { type Partition, readAfterwards } from "./partition.ts";
import type { Session } from "./session.ts";
import type { Variables } from "./variables.ts";
import type { Arena } from "./wasm/arena.ts";

/** The results of the ONNX part that are fetched from it. */
export function wantedOf(graph: Graph, { onnx, host }: Partition): readonly Tensor[] {
  const produced = new Set(onnx.flatMap((n) => n.outputs));
  return [...readAfterwards(graph, host)].filter((t) => produced.has(t));
}

export class CpuProgram implements Program {
  readonly #graph: Graph;
  readonly #host: Partition["host"];
  readonly #session: Session | undefined;
  readonly #arena: Arena;
  readonly #variables: Variables;
  readonly #direct: ReadonlyMap<Tensor, string>;
  readonly #variableOf: ReadonlyMap<Tensor, string>;
  readonly #assigned: ReadonlySet<Tensor>;
  /** Variables that are read, and those that are written in place. */
  readonly #read: readonly string[];
  readonly #written: readonly string[];
  #closed = false;

  constructor(
    graph: Graph,
    { host }: Partition,
    session: Session | undefined,
    memory: { readonly arena: Arena; readonly variables: Variables },
  ) {
    this.#graph = graph;
    this.#host = host;
    this.#session = session;
    this.#arena = memory.arena;
    this.#variables = memory.variables;
    this.#direct = directWrites(graph, host);
    this.#variableOf = new Map([...graph.variables.values()].map((v) => [v.tensor, v.name]));
    this.#assigned = new Set(graph.assignments.map((a) => a.value));
    const read = new Set([
      ...graph.nodes.flatMap((n) => n.inputs),
      ...graph.outputs.values(),
      ...this.#assigned,
    ]);
    this.#read = [...read].flatMap((t) => this.#variableOf.get(t) ?? []);
    const accumulated = graph.assignments.filter((a) => a.accumulate);
    this.#written = [...this.#direct.values(), ...accumulated.map((a) => a.variable)];
  }

  async run(feeds: Readonly<Record<string, Values>>): Promise<Readonly<Record<string, Floats>>> {
    this.#materialize();
    const values = new Map<Tensor, HostArray>();
    for (const [name, tensor] of this.#graph.feeds) values.set(tensor, checkedFeed(feeds, name, tensor));
    const lookUp = (t: Tensor): HostArray => {
      const variable = this.#variableOf.get(t);
      return variable === undefined ? values.get(t)! : this.#variables.values(variable);
    };

    const results = await this.#session?.run(lookUp);
    for (const [tensor, result] of results ?? []) values.set(tensor, result);
    for (const node of this.#host) {
      const outputs = node.outputs.map((t) => this.#space(t));
      kernelOf(node.op.name).host!(this.#arena, node, node.inputs.map(lookUp), outputs);
      for (const [i, t] of node.outputs.entries()) values.set(t, outputs[i]!);
    }

    const outputs = [...this.#graph.outputs].map(
      ([name, t]) => [name, this.#readBack(t, lookUp(t))] as const,
    );
    this.#assign(lookUp);
    return Object.fromEntries(outputs);
  }

  /** Closing again does nothing: the device closes what its user has not. */
  async close(): Promise<void> {
    const session = this.#closed ? undefined : this.#session;
    this.#closed = true;
    await session?.close();
  }

  /** Gives every variable that is read or written in place its memory, before any view is made: memory may move. */
  #materialize(): void {
    for (const name of this.#read) this.#variables.values(name);
    for (const name of this.#written) this.#variables.materialize(name);
  }

  /** Where a host node puts its result. */
  #space(t: Tensor): Float32Array | Float64Array {
    const variable = this.#direct.get(t);
    if (variable !== undefined) return this.#variables.materialize(variable);
    return t.shape.length === 0 ? new Float64Array(1) : new Float32Array(size(t.shape));
  }

  /** The caller may keep what it gets, so what is kept here too is copied. Counts leave as floats, like everything. */
  #readBack(t: Tensor, value: HostArray): Floats {
    if (value instanceof Int32Array) return Float64Array.from(value);
    return t.producer === undefined || this.#assigned.has(t) ? value.slice() : value;
  }

  #assign(lookUp: (t: Tensor) => HostArray): void {
    const results = this.#graph.assignments
      .filter((a) => !this.#direct.has(a.value))
      .map((a) => {
        const value = lookUp(a.value);
        const fresh = a.value.producer !== undefined && value instanceof Float32Array;
        return { ...a, array: fresh ? value : Float32Array.from(value) };
      });
    for (const { variable, array, accumulate } of results) {
      if (accumulate) this.#accumulate(variable, array);
      else this.#variables.replace(variable, array);
    }
  }

  #accumulate(variable: string, values: Float32Array): void {
    this.#arena.forEachBlock([this.#variables.materialize(variable)], [values], (kernels, [sum, x], n) => {
      kernels.accumulate(sum!, x!, n);
    });
  }
}

function checkedFeed(
  feeds: Readonly<Record<string, Values>>,
  name: string,
  { shape, dtype }: Tensor,
): HostArray {
  const given = feeds[name];
  if (given?.length !== size(shape))
    throw new Error(`feed ${name} needs ${size(shape)} values, got ${given?.length}`);
  return dtype === "i32" && !(given instanceof Int32Array) ? Int32Array.from(given) : given;
}
