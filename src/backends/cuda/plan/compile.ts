/**
 * Lowers a whole graph: gives every tensor memory, lets each op's lowering record its launches, then lays out the
 * arena. Pure: it needs a description of the GPU, not the GPU, so the same code forecasts a program's memory.
 */
import { type Graph, type Node, size, type Tensor } from "../../../graph/graph.ts";
import { fused } from "../fuse/fusions.ts";
import type { Context, Gpu } from "../lower/lowering.ts";
import { loweringOf } from "../lower/lowerings.ts";
import type { BufferView } from "../memory/buffer.ts";
import type { Storage } from "../memory/storage.ts";
import { Buffers } from "./buffers.ts";
import type { CommandList, Origin } from "./command-list.ts";
import { exactlyAsked } from "./precision.ts";
import { Recording } from "./recording.ts";

export interface CompileOptions {
  readonly gpu: Gpu;
}

export function compile(built: Graph, options: CompileOptions): CommandList {
  const graph = fused(built, exactlyAsked(built));
  const compiler = new Compiler(graph, options);
  graph.nodes.forEach((node, i) => {
    compiler.lower(node, i);
  });
  return compiler.finish();
}

class Compiler implements Context {
  readonly gpu: Gpu;
  readonly #graph: Graph;
  readonly #recording: Recording;
  readonly #buffers: Buffers;
  readonly #origins: Origin[] = [];
  /** The inputs of the node being lowered, as it reads them. */
  #inputs: ReadonlyMap<Tensor, BufferView> = new Map();

  constructor(graph: Graph, { gpu }: CompileOptions) {
    this.gpu = gpu;
    this.#graph = graph;
    this.#recording = new Recording(gpu);
    this.#buffers = new Buffers(graph, (to, from) => this.#recording.convert(to, from));
  }

  lower(node: Node, i: number): void {
    this.#buffers.goTo(i);
    const lowering = loweringOf(node.op.name);
    const reads = lowering.reads?.(node) ?? [];
    this.#inputs = new Map(node.inputs.map((t, k) => [t, this.#buffers.read(t, reads[k] ?? "any")]));
    this.#buffers.place(node, this.#inputs);
    if (!lowering.alias) lowering.lower(this, node);
    this.#origins.push({ op: node.op.name, scope: node.scope, end: this.#recording.length });
  }

  finish(): CommandList {
    const { nodes, feeds, outputs } = this.#graph;
    this.#buffers.goTo(nodes.length);
    this.#inputs = new Map();
    const results = [...outputs].map(([name, t]) => [name, this.#steady(t)] as const);
    this.#assign();

    const { total, resolve, variables, constants } = this.#buffers.finish();
    const transfer = (name: string, view: BufferView) => {
      return { name, place: resolve(view), elements: view.elements };
    };
    return {
      arenaBytes: total,
      mostElements: Math.max(0, ...nodes.flatMap(({ outputs }) => outputs.map((t) => size(t.shape)))),
      ...this.#recording.finish(resolve),
      origins: this.#origins,
      variables,
      constants,
      feeds: [...feeds].map(([name, t]) => transfer(name, this.#buffers.own(t)!)),
      outputs: results.map(([name, view]) => transfer(name, view)),
    };
  }

  /** What is left to assign once all nodes have run: values computed elsewhere than in their variable. */
  #assign(): void {
    const rest = this.#graph.assignments.filter((a) => this.#buffers.home(a.value) === undefined);
    const values = rest.map((a) => this.#steady(a.value)); // all are read before any is written
    rest.forEach(({ variable, accumulate }, i) => {
      const target = this.#buffers.variable(variable);
      if (accumulate && target.storage !== "f32") throw new Error(`${variable} cannot be added to`);
      if (accumulate) this.#recording.accumulate(target, values[i]!);
      else this.#recording.convert(target, values[i]!);
    });
  }

  /** A view that no assignment after the nodes changes: a copy where the value lies in a variable it came from. */
  #steady(t: Tensor): BufferView {
    const view = this.#buffers.read(t, "any");
    if (this.#buffers.inArena(view) || this.#buffers.home(t) !== undefined) return view;
    const copy = this.scratch(view.storage, view.elements);
    this.#recording.copy(copy, view);
    return copy;
  }

  // What lowerings see.

  view(t: Tensor): BufferView {
    const view = this.#inputs.get(t) ?? this.#buffers.own(t);
    if (view === undefined) throw new Error(`no node so far has made tensor ${t.id}`);
    return view;
  }

  adds(t: Tensor): boolean {
    return this.#buffers.home(t)?.adds ?? false;
  }

  scratch(storage: Storage, elements: number): BufferView {
    return this.#buffers.scratch(storage, elements);
  }

  saveForBackward(t: Tensor, storage: Storage, elements: number): BufferView {
    return this.#buffers.saveForBackward(t, storage, elements);
  }

  saved(t: Tensor): BufferView | undefined {
    return this.#buffers.saved(t);
  }

  readonly constant: Context["constant"] = (...asked) => this.#buffers.constant(...asked);
  readonly launch: Context["launch"] = (launch) => this.#recording.launch(launch);
  readonly gemm: Context["gemm"] = (gemm) => this.#recording.gemm(gemm);
  readonly fill: Context["fill"] = (view, value) => this.#recording.fill(view, value);
  readonly copy: Context["copy"] = (to, from) => this.#recording.copy(to, from);
}
