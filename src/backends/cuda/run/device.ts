/** An opened engine: lowers plans here, runs them on the thread that owns the GPU. */
import { type Shape, size } from "../../../graph/graph.ts";
import { EnvironmentError } from "../../../lib/errors.ts";
import { count } from "../../../lib/format.ts";
import type { Plan } from "../../../plan/plan.ts";
import type { Device, Floats, OpTime, Program } from "../../backend.ts";
import type { Gpu } from "../lower/lowering.ts";
import { compile } from "../plan/compile.ts";
import type { GpuThread } from "./gpu-thread.ts";

/** Kernels count the elements of a tensor in 32 bits. */
const MOST_ELEMENTS = 2 ** 31 - 1;

export class CudaDevice implements Device {
  readonly #thread: GpuThread;
  readonly #gpu: Gpu;
  readonly #sizes = new Map<string, number>();

  /** `gpu`: the thread's, as lowerings are to see it. */
  constructor(thread: GpuThread, gpu: Gpu) {
    this.#thread = thread;
    this.#gpu = gpu;
  }

  get chosen(): string {
    return `by warpgroups: ${this.#gpu.warpgroups.join(", ") || "none"}`;
  }

  async compile({ graph }: Plan): Promise<Program> {
    const thread = this.#thread;
    const commandList = compile(graph, { gpu: this.#gpu });
    requireCountable(commandList.mostElements);
    const program = thread.newProgram();
    await thread.ask({ kind: "compile", program, commandList });
    for (const { name, elements } of commandList.variables) this.#sizes.set(name, elements);
    return {
      run: async (feeds) => {
        return (await thread.ask({ kind: "run", program, feeds })) as Readonly<Record<string, Floats>>;
      },
      profile: async (feeds) => (await thread.ask({ kind: "profile", program, feeds })) as readonly OpTime[],
      close: async () => void (await thread.ask({ kind: "release", program })),
    };
  }

  write(variable: string, shape: Shape, values: Floats): void {
    const known = this.#sizes.get(variable) ?? size(shape);
    if (values.length !== size(shape) || known !== size(shape))
      throw new Error(`${variable}: ${values.length} values for [${shape.join(",")}]; it has ${known}`);
    this.#thread.copy("write", variable, values instanceof Float32Array ? values : Float32Array.from(values));
    this.#sizes.set(variable, known);
  }

  read(variable: string): Float32Array {
    const elements = this.#sizes.get(variable);
    if (elements === undefined) throw new Error(`no variable ${variable}`);
    const values = new Float32Array(elements);
    this.#thread.copy("read", variable, values);
    return values;
  }

  /** Bytes allocated on the GPU now. */
  async memory(): Promise<number> {
    return (await this.#thread.ask({ kind: "memory" })) as number;
  }

  async close(): Promise<void> {
    await this.#thread.close();
  }
}

export function requireCountable(elements: number): void {
  if (elements > MOST_ELEMENTS)
    throw new EnvironmentError(
      `engine cuda: a tensor of ${count(elements)} elements; its kernels count to 2^31: use a smaller train.micro_batch_size`,
    );
}
