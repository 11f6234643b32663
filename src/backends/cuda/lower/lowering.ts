/**
 * The shape of a lowering: an op's meaning as launches over views of device memory. Lowering needs no GPU: it only
 * says what would be launched on what, and the memory plan gives every view its address afterwards.
 */
import type { Node, Tensor } from "../../../graph/graph.ts";
import type { GpuInfo } from "../driver/gpu.ts";
import type { BufferView } from "../memory/buffer.ts";
import type { Storage } from "../memory/storage.ts";
import type { WarpgroupKernel } from "./warpgroups.ts";

/**
 * A kernel's parameter: an address (`null`: the null pointer), a 32-bit integer, a float, or a struct of addresses passed
 * by value (the matrices of many experts, so that a launch finds them without a table in memory).
 */
export type Arg =
  | BufferView
  | null
  | { readonly i32: number }
  | { readonly f32: number }
  | Pointers<BufferView>;
export interface Pointers<T> {
  readonly pointers: readonly (T | null)[];
}
export const i32 = (value: number): Arg => ({ i32: value });
export const f32 = (value: number): Arg => ({ f32: value });

/** One kernel launch. What changes from step to step lies in memory: the launches are recorded once and replayed. */
export interface Launch {
  /** In `kernels/`: `rms-norm.cu`. */
  readonly file: string;
  /** The `extern "C" __global__` function. */
  readonly kernel: string;
  /** `-D` options: one compiled kernel for each combination. */
  readonly define?: Readonly<Record<string, number | string>>;
  /** Blocks along x, or x, y and z. */
  readonly grid: number | readonly [number, number, number];
  /** Threads along x, or x, y and z. */
  readonly block: number | readonly [number, number, number];
  /** Dynamic shared memory; more than 48 KiB is asked for on its own. */
  readonly sharedBytes?: number;
  /** In the order of the kernel's parameters. */
  readonly args: readonly Arg[];
}

/** Row-major  C = alpha op(A) op(B) + beta C  with C [m, n], f32 sums; element types are those of the views. */
export interface Gemm {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** [m, k], or stored [k, m] with transA; likewise b [k, n]. */
  readonly a: BufferView;
  readonly b: BufferView;
  readonly c: BufferView;
  readonly transA: boolean;
  readonly transB: boolean;
  readonly alpha?: number;
  /** 1: add to what is there. */
  readonly beta?: 0 | 1;
  /** Elements from one stored row to the next, where rows are not packed. */
  readonly lda?: number;
  readonly ldb?: number;
  readonly ldc?: number;
  /** That many products, each `stride` elements (default: packed) after the one before. */
  readonly batch?: number;
  readonly strideA?: number;
  readonly strideB?: number;
  readonly strideC?: number;
}

/** What lowerings may know of the GPU. */
export interface Gpu extends Pick<GpuInfo, "sm" | "multiprocessors" | "sharedBytes"> {
  /** What warpgroups compute here: found right and faster on this GPU (warpgroups/). Memory is the same either way. */
  readonly warpgroups: readonly WarpgroupKernel[];
}

export interface Context {
  readonly gpu: Gpu;
  /** Where an input is, in the storage `reads` asked for, or where an output goes. */
  view(t: Tensor): BufferView;
  /** Memory for this node alone, with anything in it. */
  scratch(storage: Storage, elements: number): BufferView;
  /**
   * More that the producer of `t` keeps for its readers (attention's log-sum-exp), which lives as long as `t`. The
   * producer names type and size; a reader gets the view, or undefined where `t` came from outside.
   */
  saveForBackward(t: Tensor, storage: Storage, elements: number): BufferView;
  saved(t: Tensor): BufferView | undefined;
  /** A table that every run reads (sines), made once: `name` tells it from all others. */
  constant(name: string, storage: "f32" | "i32", make: () => Float32Array | Int32Array): BufferView;
  /** Whether output `t` is to be added to what its view holds; only where the lowering `accumulates`. */
  adds(t: Tensor): boolean;

  launch(launch: Launch): void;
  gemm(gemm: Gemm): void;
  /** One value everywhere. */
  fill(view: BufferView, value: number): void;
  /** The same bytes elsewhere. */
  copy(to: BufferView, from: BufferView): void;
}

/** "any": whatever it is stored in, but not split. "stored": as it is stored, split included. */
export type Reads = Storage | "any" | "stored";
/** `like`: as that input is read. "asked": f32 for scalars and for what a variable is set to, else bf16. */
export type Writes = Storage | "asked" | { readonly like: number };

export interface Lowering<A> {
  /** The storage each input is read in (default: any). The engine converts where it is stored otherwise. */
  readonly reads?: (node: Node<A>) => readonly Reads[];
  /** The storage of each output. */
  readonly writes: (node: Node<A>) => readonly Writes[];
  /** If an output is asked for in f32, so are the inputs (sums and multiples of gradients). */
  readonly passesOn?: true;
  /** Output 0 is input 0's memory under another shape; `lower` does nothing for it. */
  readonly alias?: true;
  /** The kernel may put output i where input `op.inPlace[i]` lies. */
  readonly inPlace?: true;
  /** Outputs that it can add to their view instead of overwriting it (see `adds`). */
  readonly accumulates?: readonly number[] | "all";
  /** Emits launches that compute all outputs, whole. */
  lower(ctx: Context, node: Node<A>): void;
}

/** Whether it can add output `output` to what is there. */
export const canAdd = ({ accumulates }: Pick<Lowering<unknown>, "accumulates">, output: number): boolean =>
  accumulates === "all" || !!accumulates?.includes(output);
