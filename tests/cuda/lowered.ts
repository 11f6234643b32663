/** Runs one op's lowering on the emulated GPU: its launches, on buffers of this op alone, with no engine around them. */

import { type Context, canAdd, type Gpu, type Lowering } from "../../src/backends/cuda/lower/lowering.ts";
import { joinF32, splitF32 } from "../../src/backends/cuda/memory/bf16.ts";
import type { Buffer, BufferView } from "../../src/backends/cuda/memory/buffer.ts";
import { bytesOf, remaindersAt, type Storage } from "../../src/backends/cuda/memory/storage.ts";
import { ASSUMED_GPU } from "../../src/backends/cuda/planned-memory.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { type Op, size, type Tensor } from "../../src/graph/graph.ts";
import type { Arg, Buffer32, Gpu as Machine } from "./gpu.ts";

export interface Host {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

export interface Ids {
  readonly shape: readonly number[];
  readonly values: Int32Array;
}

/** How the context of a lowering answers. */
export interface Answers {
  /** The storage of outputs that the graph decides (default bf16). */
  readonly asked?: Storage;
  /** Outputs start as these values and are added to. */
  readonly onto?: Float32Array;
  /** Outputs lie where `op.inPlace` says, if the lowering allows it. */
  readonly inPlace?: boolean;
}

/** To the nearest bf16, ties to even. */
export function toBf16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(bits, (x) => (x + 0x7fff + ((x >>> 16) & 1)) >>> 16);
}

export function fromBf16(values: Uint16Array): Float32Array {
  const bits = Uint32Array.from(values, (x) => x << 16);
  return new Float32Array(bits.buffer);
}

function splitBits(values: Float32Array): Uint16Array {
  const { nearest, remainders } = splitF32(values);
  const halves = new Uint16Array(bytesOf("split", values.length) / 2);
  halves.set(nearest);
  halves.set(remainders, halves.length / 2);
  return halves;
}

/** Several nodes of one small graph, in turn; what one saves for the backward pass the next can find. */
export class Lowered {
  readonly #machine: Machine;
  readonly #gpu: Gpu;
  readonly #builder: GraphBuilder;
  readonly #buffers = new Map<Tensor, BufferView>();
  readonly #saved = new Map<Tensor, BufferView>();
  readonly #memory = new Map<Buffer, Buffer32>();
  /** Kernels launched so far, with their defines. */
  readonly launched: string[] = [];

  constructor(machine: Machine, nativeOps: readonly string[] = [], gpu: Partial<Gpu> = {}) {
    this.#machine = machine;
    this.#gpu = { ...ASSUMED_GPU, ...gpu };
    this.#builder = new GraphBuilder(new Set(nativeOps));
  }

  /** An input, stored as f32, i32 or (by default) bf16. */
  input(name: string, { shape, values }: Ids | Host, storage: Storage = "bf16"): Tensor {
    const t = this.#builder.feed(name, shape, storage === "i32" ? "i32" : "f32");
    this.#buffers.set(t, this.#given(storage, values));
    return t;
  }

  run<A>(
    op: Op<A>,
    lowering: Lowering<A>,
    inputs: readonly Tensor[],
    attrs: A,
    answers: Answers = {},
  ): readonly Tensor[] {
    const outputs = this.#builder.emit(op, inputs, attrs);
    const node = this.#builder.nodes.at(-1)!;
    lowering.writes(node as never).forEach((writes, i) => {
      const t = outputs[i]!;
      const input = inputs[op.inPlace?.[i] ?? -1];
      const asked = t.shape.length === 0 ? "f32" : (answers.asked ?? "bf16");
      const storage =
        writes === "asked"
          ? asked
          : typeof writes === "object"
            ? this.#buffers.get(inputs[writes.like]!)!.storage
            : writes;
      const own = () =>
        answers.onto && canAdd(lowering, i)
          ? this.#given(storage, answers.onto)
          : this.#view(storage, size(t.shape));
      const takes =
        answers.inPlace && lowering.inPlace && input && this.#buffers.get(input)!.storage === storage;
      this.#buffers.set(t, takes ? this.#buffers.get(input)! : own());
    });
    lowering.lower(this.#context(answers), node as never);
    return outputs;
  }

  read(t: Tensor): Float32Array {
    return this.#read(this.#buffers.get(t)!);
  }

  storage(t: Tensor): Storage {
    return this.#buffers.get(t)!.storage;
  }

  readBeside(t: Tensor): Float32Array {
    return this.#read(this.#saved.get(t)!);
  }

  close(): void {
    for (const memory of this.#memory.values()) this.#machine.free(memory);
  }

  #read({ buffer, storage, elements }: BufferView): Float32Array {
    const memory = this.#memory.get(buffer)!;
    if (storage === "bf16") return fromBf16(this.#machine.download(memory, new Uint16Array(elements)));
    if (storage === "split") {
      const halves = this.#machine.download(memory, new Uint16Array(bytesOf(storage, elements) / 2));
      const rest = remaindersAt(elements) / 2;
      return joinF32({ nearest: halves.slice(0, elements), remainders: halves.slice(rest, rest + elements) });
    }
    const View = storage === "i32" ? Int32Array : Float32Array;
    return Float32Array.from(this.#machine.download(memory, new View(elements)));
  }

  #view(storage: Storage, elements: number): BufferView {
    const buffer: Buffer = { bytes: bytesOf(storage, elements) };
    this.#memory.set(buffer, this.#machine.alloc(buffer.bytes));
    return { buffer, offset: 0, storage, elements };
  }

  #given(storage: Storage, values: Float32Array | Int32Array): BufferView {
    const view = this.#view(storage, values.length);
    this.#machine.free(this.#memory.get(view.buffer)!);
    const f32 = Float32Array.from(values);
    const bits = storage === "bf16" ? toBf16(f32) : storage === "split" ? splitBits(f32) : values;
    this.#memory.set(view.buffer, this.#machine.upload(bits));
    return view;
  }

  #context({ onto }: Answers): Context {
    const unknown = () => {
      throw new Error("not in this test's context");
    };
    return {
      gpu: this.#gpu,
      view: (t) => this.#buffers.get(t)!,
      scratch: (storage, elements) => this.#view(storage, elements),
      saveForBackward: (t, storage, elements) => {
        const view = this.#view(storage, elements);
        this.#saved.set(t, view);
        return view;
      },
      saved: (t) => this.#saved.get(t),
      launch: ({ file, kernel, define = {}, grid, block, sharedBytes, args }) => {
        this.launched.push(`${kernel} ${JSON.stringify(define)}`);
        const place = (view: BufferView | null): Buffer32 | null => {
          if (view === null) return null;
          const { address, bytes } = this.#memory.get(view.buffer)!;
          return { address: address + view.offset, bytes: bytes - view.offset };
        };
        const passed = args.map((arg): Arg => {
          if (arg === null) return null;
          if ("i32" in arg) return arg.i32;
          if ("f32" in arg) return { float: arg.f32 };
          return "pointers" in arg ? { pointers: arg.pointers.map(place) } : place(arg);
        });
        this.#machine.run(file, kernel, define, { grid, block, shared: sharedBytes ?? 0 }, passed);
      },
      adds: () => onto !== undefined,
      constant: (_, storage, make) => this.#given(storage, make()),
      fill: (view, value) => {
        if (view.storage !== "i32" && view.storage !== "f32") return unknown();
        const View = view.storage === "i32" ? Int32Array : Float32Array;
        this.#machine.write(this.#memory.get(view.buffer)!, new View(view.elements).fill(value));
      },
      gemm: unknown,
      copy: unknown,
    };
  }
}
