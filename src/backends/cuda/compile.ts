/**
 * Lowers a whole graph: gives every tensor memory, lets each op's lowering record its launches, then lays out the
 * arena. Pure: it needs a description of the GPU, not the GPU, so the same code forecasts a program's memory.
 */
import { type Graph, type Node, size, type Tensor } from "../../graph/graph.ts";
import { fused } from "./fusions.ts";
import { Layout } from "./layout.ts";
import { type Home, homes, lastUses } from "./lifetimes.ts";
import { type Context, type Gpu, nearest, type Region, type Storage } from "./lowering.ts";
import { loweringOf } from "./lowerings.ts";
import { storages } from "./precision.ts";
import { Recording } from "./recording.ts";
import { baseOf, type Origin, type Script } from "./script.ts";

export interface CompileOptions {
  readonly gpu: Gpu;
}

export function compile(built: Graph, options: CompileOptions): Script {
  const graph = fused(built);
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
  readonly #origins: Origin[] = [];
  readonly #stored: ReadonlyMap<Tensor, Storage>;
  readonly #last: ReadonlyMap<Tensor, number>;
  readonly #homes: ReadonlyMap<Tensor, Home>;

  readonly #regions = new Map<Tensor, Region>();
  /** Tensors in a storage other than their own. */
  readonly #converted = new Map<Tensor, Region>();
  readonly #beside = new Map<Tensor, Region>();
  readonly #constants = new Map<string, { region: Region; values: Float32Array | Int32Array }>();
  readonly #layout = new Layout();
  /** The node being lowered, and its inputs as it reads them. */
  #at = -1;
  #inputs: ReadonlyMap<Tensor, Region> = new Map();

  constructor(graph: Graph, { gpu }: CompileOptions) {
    this.gpu = gpu;
    this.#graph = graph;
    this.#recording = new Recording(gpu);
    this.#stored = storages(graph);
    this.#last = lastUses(graph);
    this.#homes = homes(graph, this.#last, this.#stored);
    for (const { name, tensor } of graph.variables.values()) {
      this.#regions.set(
        tensor,
        this.#layout.outside(baseOf.variable(name), this.#stored.get(tensor)!, size(tensor.shape)),
      );
    }
    for (const t of graph.feeds.values()) this.#regions.set(t, this.#inArena(t, this.#last.get(t) ?? -1));
  }

  lower(node: Node, i: number): void {
    this.#at = i;
    const lowering = loweringOf(node.op.name);
    const reads = lowering.reads?.(node) ?? [];
    this.#inputs = new Map(
      node.inputs.map((t, k) => {
        const wanted = reads[k] ?? "any";
        return [t, wanted === "stored" ? this.#regions.get(t)! : this.#as(t, wanted)];
      }),
    );
    node.outputs.forEach((t, o) => {
      this.#regions.set(t, this.#home(t) ?? this.#inherited(node, o) ?? this.#inArena(t, this.#last.get(t)!));
    });
    if (!lowering.alias) lowering.lower(this, node);
    this.#origins.push({ op: node.op.name, scope: node.scope, end: this.#recording.length });
  }

  finish(): Script {
    this.#at = this.#graph.nodes.length;
    this.#inputs = new Map();
    const outputs = [...this.#graph.outputs].map(([name, t]) => [name, this.#steady(t)] as const);
    this.#assign();

    const { total, resolve } = this.#layout.arranged();
    const transfer = (name: string, region: Region) => {
      return { name, place: resolve(region), elements: region.elements };
    };
    return {
      arenaBytes: total,
      ...this.#recording.finish(resolve),
      origins: this.#origins,
      variables: [...this.#graph.variables.values()].map(({ name, tensor }) => {
        return { name, elements: size(tensor.shape), storage: this.#stored.get(tensor)! };
      }),
      constants: [...this.#constants].map(([name, { values }]) => ({ name, values })),
      feeds: [...this.#graph.feeds].map(([name, t]) => transfer(name, this.#regions.get(t)!)),
      outputs: outputs.map(([name, region]) => transfer(name, region)),
    };
  }

  /** What is left to assign once all nodes have run: values computed elsewhere than in their variable. */
  #assign(): void {
    const rest = this.#graph.assignments.filter((a) => !this.#homes.has(a.value));
    const values = rest.map((a) => this.#steady(a.value)); // all are read before any is written
    rest.forEach(({ variable, accumulate }, i) => {
      const target = this.#regions.get(this.#graph.variables.get(variable)!.tensor)!;
      if (accumulate && target.storage !== "f32") throw new Error(`${variable} cannot be added to`);
      if (accumulate) this.#recording.accumulate(target, values[i]!);
      else this.#recording.convert(target, values[i]!);
    });
  }

  /** A region that no assignment after the nodes changes: a copy where the value lies in a variable it came from. */
  #steady(t: Tensor): Region {
    const region = this.#as(t, "any");
    if (this.#layout.holds(region) || this.#homes.has(t)) return region;
    const copy = this.scratch(region.storage, region.elements);
    this.#recording.copy(copy, region);
    return copy;
  }

  // What lowerings see.

  region(t: Tensor): Region {
    const region = this.#inputs.get(t) ?? this.#regions.get(t);
    if (region === undefined) throw new Error(`node ${this.#at} has no tensor ${t.id}`);
    return region;
  }

  scratch(storage: Storage, elements: number): Region {
    return this.#allocate(storage, elements, this.#at);
  }

  keepBeside(t: Tensor, storage: Storage, elements: number): Region {
    const region = this.#allocate(storage, elements, this.#last.get(t)!);
    this.#beside.set(t, region);
    return region;
  }

  keptBeside(t: Tensor): Region | undefined {
    return this.#beside.get(t);
  }

  constant(name: string, storage: "f32" | "i32", make: () => Float32Array | Int32Array): Region {
    const known = this.#constants.get(name);
    if (known !== undefined) return known.region;
    const values = make();
    const region = this.#layout.outside(baseOf.constant(name), storage, values.length);
    this.#constants.set(name, { region, values });
    return region;
  }

  adds(t: Tensor): boolean {
    return this.#homes.get(t)?.adds ?? false;
  }

  readonly launch: Context["launch"] = (launch) => this.#recording.launch(launch);
  readonly gemm: Context["gemm"] = (gemm) => this.#recording.gemm(gemm);
  readonly fill: Context["fill"] = (region, value) => this.#recording.fill(region, value);
  readonly copy: Context["copy"] = (to, from) => this.#recording.copy(to, from);

  // Where memory comes from.

  /** The tensor in another storage: split weights have their bf16 in them, all else is converted once. */
  #as(t: Tensor, asked: Storage | "any"): Region {
    const own = this.#regions.get(t)!;
    const storage = asked !== "any" ? asked : own.storage === "split" ? "f32" : own.storage;
    if (own.storage === storage) return own;
    if (own.storage === "split" && storage === "bf16") return nearest(own);
    const known = this.#converted.get(t);
    if (known !== undefined) return known;
    if (own.storage === "i32" || storage === "i32")
      throw new Error(`tensor ${t.id} is ${own.storage}, asked for as ${storage}`);
    const region = this.#allocate(storage, own.elements, this.#last.get(t)!);
    this.#recording.convert(region, own);
    this.#converted.set(t, region);
    return region;
  }

  /** The variable's own memory, where the value may be computed there. */
  #home(t: Tensor): Region | undefined {
    const home = this.#homes.get(t);
    if (home === undefined) return undefined;
    return this.#regions.get(this.#graph.variables.get(home.variable)!.tensor);
  }

  /** The memory of an input: as another name of it, or because the input dies here and the op works in place. */
  #inherited(node: Node, output: number): Region | undefined {
    const t = node.outputs[output]!;
    const { alias, inPlace } = loweringOf(node.op.name);
    if (alias) return this.#inputs.get(node.inputs[0]!);
    const place = inPlace ? node.op.inPlace?.[output] : undefined;
    if (place === undefined) return undefined;
    const region = this.#inputs.get(node.inputs[place]!)!;
    const readers = node.inputs.filter((other) => this.#inputs.get(other)!.root === region.root);
    if (readers.length > 1) return undefined;
    const fits = region.storage === this.#stored.get(t) && region.elements === size(t.shape);
    return fits && this.#layout.prolonged(region, this.#at, this.#last.get(t)!) ? region : undefined;
  }

  #inArena(t: Tensor, to: number): Region {
    return this.#allocate(this.#stored.get(t)!, size(t.shape), to);
  }

  #allocate(storage: Storage, elements: number, to: number): Region {
    return this.#layout.within(storage, elements, this.#at, to);
  }
}
