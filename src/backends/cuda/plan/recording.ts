/** Takes down what lowerings emit, on views; once every buffer has its place, the whole becomes a list of commands. */
import { type Arg, type Gemm, type Gpu, i32, type Launch } from "../lower/lowering.ts";
import { type BufferView, exactly } from "../memory/buffer.ts";
import { bytesOf, C_TYPE } from "../memory/storage.ts";
import type { Command, Dimensions, GemmShape, KernelSpec, Param, Resolve } from "./command-list.ts";

type Recorded =
  | { readonly kind: "launch"; readonly launch: Launch }
  | { readonly kind: "gemm"; readonly gemm: Gemm }
  | { readonly kind: "fill"; readonly to: BufferView; readonly value: number }
  | { readonly kind: "copy"; readonly to: BufferView; readonly from: BufferView };

const THREADS = 256;
/** Blocks of a loop over elements, for each multiprocessor: enough to fill it many times over. */
const BLOCKS = 32;

export class Recording {
  readonly #gpu: Gpu;
  readonly #commands: Recorded[] = [];

  constructor(gpu: Gpu) {
    this.#gpu = gpu;
  }

  /** Steps so far. */
  get length(): number {
    return this.#commands.length;
  }

  launch(launch: Launch): void {
    this.#commands.push({ kind: "launch", launch });
  }

  gemm(gemm: Gemm): void {
    this.#commands.push({ kind: "gemm", gemm });
  }

  fill(to: BufferView, value: number): void {
    this.#commands.push({ kind: "fill", to, value });
  }

  copy(to: BufferView, from: BufferView): void {
    if (to.elements !== from.elements || to.storage !== from.storage)
      throw new Error(`cannot copy ${from.elements} ${from.storage} to ${to.elements} ${to.storage}`);
    this.#commands.push({ kind: "copy", to, from });
  }

  /** The same values in another storage. */
  convert(to: BufferView, from: BufferView): void {
    const define = { FROM: C_TYPE[from.storage], TO: C_TYPE[to.storage] };
    if (to.storage === from.storage) this.copy(to, from);
    else this.#elementwise("convert", define, from.elements, [...exactly(from), ...exactly(to)]);
  }

  /** sum += x, the sum in f32. */
  accumulate(sum: BufferView, x: BufferView): void {
    const define = { A: C_TYPE[x.storage], B: C_TYPE[sum.storage], Y: C_TYPE[sum.storage] };
    this.#elementwise("add", define, x.elements, [x, sum, sum]);
  }

  #elementwise(kernel: string, define: Launch["define"] & object, n: number, args: readonly Arg[]): void {
    const grid = Math.min(Math.ceil(n / THREADS), BLOCKS * this.#gpu.multiprocessors);
    this.launch({ file: `${kernel}.cu`, kernel, define, grid, block: THREADS, args: [...args, i32(n)] });
  }

  finish(resolve: Resolve): {
    readonly kernels: readonly KernelSpec[];
    readonly commands: readonly Command[];
  } {
    const kernels = new KernelList();
    const commands = this.#commands.map((command): Command => {
      if (command.kind === "launch") return resolvedLaunch(command.launch, kernels, resolve);
      if (command.kind === "gemm") {
        const { a, b, c } = command.gemm;
        return { kind: "gemm", shape: shapeOf(command.gemm), a: resolve(a), b: resolve(b), c: resolve(c) };
      }
      const to = resolve(command.to);
      if (command.kind === "fill")
        return { kind: "fill", to, elements: command.to.elements, value: command.value };
      const bytes = bytesOf(command.from.storage, command.from.elements);
      return { kind: "copy", to, from: resolve(command.from), bytes };
    });
    return { kernels: kernels.specs, commands };
  }
}

/** Each kernel once, however often it is launched. */
class KernelList {
  readonly specs: KernelSpec[] = [];
  readonly #indices = new Map<string, number>();

  index({ file, kernel, define = {} }: Launch): number {
    const key = JSON.stringify([file, kernel, Object.entries(define).sort()]);
    const known = this.#indices.get(key);
    if (known !== undefined) return known;
    this.#indices.set(key, this.specs.length);
    return this.specs.push({ file, kernel, define }) - 1;
  }
}

function resolvedLaunch(launch: Launch, kernels: KernelList, resolve: Resolve): Command {
  const { grid, block, sharedBytes = 0, args } = launch;
  return {
    kind: "launch",
    kernel: kernels.index(launch),
    grid: dimensions(grid),
    block: dimensions(block),
    sharedBytes,
    args: args.map((arg) => resolvedArg(arg, resolve)),
  };
}

function resolvedArg(arg: Arg, resolve: Resolve): Param {
  if (arg === null) return null;
  if ("pointers" in arg) return { pointers: arg.pointers.map((view) => view && resolve(view)) };
  return "buffer" in arg ? resolve(arg) : arg;
}

const dimensions = (d: Launch["grid"]): Dimensions => (typeof d === "number" ? [d, 1, 1] : d);

/** Everything said, with the defaults of packed matrices. */
export function shapeOf(gemm: Gemm): GemmShape {
  const { m, n, k, transA, transB, alpha = 1, beta = 0, batch = 1 } = gemm;
  const { lda = transA ? m : k, ldb = transB ? k : n, ldc = n } = gemm;
  const [strideA, strideB, strideC] = [
    gemm.strideA ?? (transA ? k : m) * lda,
    gemm.strideB ?? (transB ? n : k) * ldb,
    gemm.strideC ?? m * ldc,
  ];
  return { m, n, k, transA, transB, alpha, beta, batch, lda, ldb, ldc, strideA, strideB, strideC };
}
