/** Issues the commands of a list on the stream: while a graph is captured this records them, else it runs them. */
import type { Addresses, CublasLt, Prepared } from "../cublaslt/cublaslt.ts";
import { type Problem, WORKSPACE_BYTES } from "../cublaslt/cublaslt-problem.ts";
import type { Tuner } from "../cublaslt/tuning.ts";
import type { NativeMemory } from "../driver/ffi.ts";
import type { Allocation, GpuSession } from "../driver/gpu.ts";
import { allowShared, type Kernels, type LoadedKernel, requireFitting } from "../kernel-code/modules.ts";
import type { Storage } from "../memory/storage.ts";
import type { Command, CommandList, KernelSpec, Param, Place } from "../plan/command-list.ts";

type Of<K extends Command["kind"]> = Extract<Command, { readonly kind: K }>;
type Gemm = Of<"gemm">;
/** The address of a place. */
export type Locate = (place: Place) => number;

const MOST_PARAMETERS = 64;
/** What a launch may pass by value (more only since CUDA 12.1), and where the table of addresses begins. */
const VALUE_BYTES = 4096;
const POINTER_BYTES = 8;

export class Launcher {
  readonly #session: GpuSession;
  readonly #kernels: Kernels;
  readonly #cublasLt: CublasLt;
  readonly #tuner: Tuner;
  readonly #prepared = new Map<string, { readonly matmul: Prepared; readonly algorithm: Uint8Array }>();
  /** Parameter values, then the table of their addresses: what cuLaunchKernel reads. */
  readonly #block: NativeMemory;
  readonly #view: DataView;
  #workspace: Allocation | undefined;

  constructor(session: GpuSession, kernels: Kernels, cublasLt: CublasLt, tuner: Tuner) {
    this.#session = session;
    this.#kernels = kernels;
    this.#cublasLt = cublasLt;
    this.#tuner = tuner;
    this.#block = session.ffi.allocate(VALUE_BYTES + MOST_PARAMETERS * POINTER_BYTES);
    this.#view = new DataView(this.#block.bytes);
  }

  /** Compiles, checks and chooses all that the commands need: afterwards they can be issued without allocating. */
  prepare({ kernels, commands }: Pick<CommandList, "kernels" | "commands">): void {
    for (const command of commands) {
      if (command.kind === "launch") {
        const kernel = this.#kernels(kernels[command.kernel]!);
        requireFitting(kernel, command.args);
        requirePassable(kernel, command.args);
        allowShared(this.#session, kernel, command.sharedBytes);
      } else if (command.kind === "gemm") {
        this.#matmul(command);
      }
    }
  }

  issue(command: Command, kernels: readonly KernelSpec[], locate: Locate): void {
    if (command.kind === "launch") this.#launch(this.#kernels(kernels[command.kernel]!), command, locate);
    else if (command.kind === "gemm") this.#gemm(command, locate);
    else if (command.kind === "fill") this.#fill(command, locate);
    else {
      const { driver, stream } = this.#session;
      driver.cuMemcpyDtoDAsync_v2(locate(command.to), locate(command.from), command.bytes, stream);
    }
  }

  close(): void {
    this.#cublasLt.close();
    this.#block.free();
  }

  #launch(kernel: LoadedKernel, { grid, block, sharedBytes, args }: Of<"launch">, locate: Locate): void {
    let at = 0;
    args.forEach((arg, i) => {
      this.#view.setBigUint64(VALUE_BYTES + i * POINTER_BYTES, BigInt(this.#block.address + at), true);
      at = this.#set(at, arg, locate);
    });
    const table = this.#block.address + VALUE_BYTES;
    const { driver, stream } = this.#session;
    driver.cuLaunchKernel(kernel.handle, ...grid, ...block, sharedBytes, stream, table, 0);
  }

  /** Writes a parameter's value and says where the next one goes. */
  #set(at: number, arg: Param, locate: Locate): number {
    if (arg !== null && "pointers" in arg)
      return arg.pointers.reduce((next, pointer) => this.#set(next, pointer, locate), at);
    if (arg === null) this.#view.setBigUint64(at, 0n, true);
    else if ("base" in arg) this.#view.setBigUint64(at, BigInt(locate(arg)), true);
    else if ("i32" in arg) this.#view.setInt32(at, arg.i32, true);
    else this.#view.setFloat32(at, arg.f32, true);
    return at + POINTER_BYTES;
  }

  #gemm(command: Gemm, locate: Locate): void {
    const { matmul, algorithm } = this.#matmul(command);
    const addresses: Addresses = { a: locate(command.a), b: locate(command.b), c: locate(command.c) };
    matmul.run(addresses, algorithm, this.#workspace!.address);
  }

  #fill({ to, elements, value }: Of<"fill">, locate: Locate): void {
    const { driver, stream } = this.#session;
    const set = to.storage === "bf16" ? driver.cuMemsetD16Async : driver.cuMemsetD32Async;
    set(locate(to), bitsOf(to.storage, value), elements, stream);
  }

  #matmul({ shape, a, b, c }: Gemm) {
    const alignment = Math.min(...[a, b, c].map(({ offset }) => alignmentOf(offset)));
    const problem: Problem = { ...shape, a: a.storage, b: b.storage, c: c.storage, alignment };
    const key = JSON.stringify(problem);
    const known = this.#prepared.get(key);
    if (known !== undefined) return known;
    const matmul = this.#cublasLt.prepare(problem);
    this.#workspace ??= this.#session.allocate(WORKSPACE_BYTES);
    const made = { matmul, algorithm: this.#tuner.choose(matmul, this.#workspace.address) };
    this.#prepared.set(key, made);
    return made;
  }
}

/** Throws where a launch cannot pass the values: too many, or integers that have no 32 bits. */
function requirePassable({ name }: LoadedKernel, args: readonly Param[]): void {
  const values = args.flatMap((arg): readonly Param[] =>
    arg !== null && "pointers" in arg ? arg.pointers : [arg],
  );
  if (POINTER_BYTES * values.length > VALUE_BYTES || args.length > MOST_PARAMETERS)
    throw new Error(
      `kernel ${name} takes ${values.length} values in ${args.length} parameters: too many for a launch`,
    );
  for (const value of values)
    if (value !== null && "i32" in value && value.i32 !== (value.i32 | 0))
      throw new Error(`kernel ${name} takes an integer of 32 bits, got ${value.i32}`);
}

/** Bases are aligned to 256 bytes, as is what lies at their start. */
function alignmentOf(offset: number): number {
  let alignment = 256;
  while (offset % alignment !== 0) alignment /= 2;
  return alignment;
}

function bitsOf(storage: Storage, value: number): number {
  const view = new DataView(new ArrayBuffer(4));
  if (storage === "i32") view.setInt32(0, value);
  else view.setFloat32(0, value);
  return storage === "bf16" ? view.getUint16(0) : view.getUint32(0);
}
