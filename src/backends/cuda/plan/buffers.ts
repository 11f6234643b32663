/**
 * Where every tensor lies while a graph is lowered node by node: in a variable, where an input that dies lay, or in
 * memory of its own in the arena; in the storage it was given, and converted for those who read it in another.
 */
import { type Graph, type Node, size, type Tensor } from "../../../graph/graph.ts";
import type { Context, Reads } from "../lower/lowering.ts";
import { loweringOf } from "../lower/lowerings.ts";
import { type BufferView, nearest } from "../memory/buffer.ts";
import type { Storage } from "../memory/storage.ts";
import { baseOf, type CommandList, type Resolve } from "./command-list.ts";
import { Layout } from "./layout.ts";
import { type Home, homes, lastUses } from "./lifetimes.ts";
import { storages } from "./precision.ts";

type Convert = (to: BufferView, from: BufferView) => void;

export class Buffers {
  readonly #graph: Graph;
  readonly #convert: Convert;
  readonly #stored: ReadonlyMap<Tensor, Storage>;
  readonly #last: ReadonlyMap<Tensor, number>;
  readonly #homes: ReadonlyMap<Tensor, Home>;
  readonly #layout = new Layout();

  readonly #own = new Map<Tensor, BufferView>();
  /** Tensors in a storage other than their own. */
  readonly #converted = new Map<Tensor, BufferView>();
  readonly #saved = new Map<Tensor, BufferView>();
  readonly #constants = new Map<string, { view: BufferView; values: Float32Array | Int32Array }>();
  /** The node being lowered. */
  #at = -1;

  /** `convert` records a conversion at the node being lowered. */
  constructor(graph: Graph, convert: Convert) {
    this.#graph = graph;
    this.#convert = convert;
    this.#stored = storages(graph);
    this.#last = lastUses(graph);
    this.#homes = homes(graph, this.#last, this.#stored);
    for (const { name, tensor } of graph.variables.values()) {
      const storage = this.#stored.get(tensor)!;
      this.#own.set(tensor, this.#layout.outside(baseOf.variable(name), storage, size(tensor.shape)));
    }
    for (const t of graph.feeds.values()) this.#own.set(t, this.#inNewMemory(t, this.#last.get(t) ?? -1));
  }

  /** From here on it is node `i` that asks; the number of nodes stands for what comes after them all. */
  goTo(i: number): void {
    this.#at = i;
  }

  /** The tensor as a node reads it: split weights have their bf16 in them, all else is converted once. */
  read(t: Tensor, asked: Reads): BufferView {
    const own = this.#own.get(t)!;
    if (asked === "stored") return own;
    const storage = asked !== "any" ? asked : own.storage === "split" ? "f32" : own.storage;
    if (own.storage === storage) return own;
    if (own.storage === "split" && storage === "bf16") return nearest(own);
    const known = this.#converted.get(t);
    if (known !== undefined) return known;
    if (own.storage === "i32" || storage === "i32")
      throw new Error(`tensor ${t.id} is ${own.storage}, asked for as ${storage}`);
    const view = this.#allocate(storage, own.elements, this.#last.get(t)!);
    this.#convert(view, own);
    this.#converted.set(t, view);
    return view;
  }

  /** Gives the node's outputs memory; `inputs` as it reads them. */
  place(node: Node, inputs: ReadonlyMap<Tensor, BufferView>): void {
    node.outputs.forEach((t, o) => {
      const view =
        this.#home(t) ?? this.#inherited(node, o, inputs) ?? this.#inNewMemory(t, this.#last.get(t)!);
      this.#own.set(t, view);
    });
  }

  /** The tensor as it is stored. */
  own(t: Tensor): BufferView | undefined {
    return this.#own.get(t);
  }

  variable(name: string): BufferView {
    return this.#own.get(this.#graph.variables.get(name)!.tensor)!;
  }

  /** Where the value is computed, if it is in a variable. */
  home(value: Tensor): Home | undefined {
    return this.#homes.get(value);
  }

  scratch(storage: Storage, elements: number): BufferView {
    return this.#allocate(storage, elements, this.#at);
  }

  saveForBackward(t: Tensor, storage: Storage, elements: number): BufferView {
    const view = this.#allocate(storage, elements, this.#last.get(t)!);
    this.#saved.set(t, view);
    return view;
  }

  saved(t: Tensor): BufferView | undefined {
    return this.#saved.get(t);
  }

  readonly constant: Context["constant"] = (name, storage, make) => {
    const known = this.#constants.get(name);
    if (known !== undefined) return known.view;
    const values = make();
    const view = this.#layout.outside(baseOf.constant(name), storage, values.length);
    this.#constants.set(name, { view, values });
    return view;
  };

  /** Whether it lies in the arena, where no assignment changes it. */
  inArena(view: BufferView): boolean {
    return this.#layout.holds(view);
  }

  /** Lays out the arena: from here on there are no more views. */
  finish(): Pick<CommandList, "variables" | "constants"> & {
    readonly total: number;
    readonly resolve: Resolve;
  } {
    return {
      ...this.#layout.arranged(),
      variables: [...this.#graph.variables.values()].map(({ name, tensor }) => {
        return { name, elements: size(tensor.shape), storage: this.#stored.get(tensor)! };
      }),
      constants: [...this.#constants].map(([name, { values }]) => ({ name, values })),
    };
  }

  /** The variable's own memory, where the value may be computed there. */
  #home(t: Tensor): BufferView | undefined {
    const home = this.#homes.get(t);
    return home && this.variable(home.variable);
  }

  /** The memory of an input: as another name of it, or because the input dies here and the op works in place. */
  #inherited(node: Node, output: number, inputs: ReadonlyMap<Tensor, BufferView>): BufferView | undefined {
    const t = node.outputs[output]!;
    const { alias, inPlace } = loweringOf(node.op.name);
    if (alias) return inputs.get(node.inputs[0]!);
    const place = inPlace ? node.op.inPlace?.[output] : undefined;
    if (place === undefined) return undefined;
    const view = inputs.get(node.inputs[place]!)!;
    const readers = node.inputs.filter((other) => inputs.get(other)!.buffer === view.buffer);
    if (readers.length > 1) return undefined;
    const fits = view.storage === this.#stored.get(t) && view.elements === size(t.shape);
    return fits && this.#layout.prolonged(view, this.#at, this.#last.get(t)!) ? view : undefined;
  }

  #inNewMemory(t: Tensor, to: number): BufferView {
    return this.#allocate(this.#stored.get(t)!, size(t.shape), to);
  }

  #allocate(storage: Storage, elements: number, to: number): BufferView {
    return this.#layout.within(storage, elements, this.#at, to);
  }
}
