/** The thread that owns the GPU: opens it, then does what the main thread asks, one thing after another. */
import { join } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { serializeError } from "../../../lib/serialized-error.ts";
import { cublasLt } from "../cublaslt/cublaslt.ts";
import { Tuner } from "../cublaslt/tuning.ts";
import { bindDriver } from "../driver/driver.ts";
import { loadFfi } from "../driver/ffi.ts";
import { GpuSession } from "../driver/gpu.ts";
import { libraryKinds, openWhole, thisHost } from "../driver/libraries.ts";
import { compileThreads } from "../kernel-code/compile-threads.ts";
import { cached } from "../kernel-code/cubins.ts";
import { KernelCode } from "../kernel-code/kernel-code.ts";
import { kernelLoader } from "../kernel-code/modules.ts";
import { nvrtc } from "../kernel-code/nvrtc.ts";
import { decodeBf16, encodeBf16, joinF32, splitF32 } from "../memory/bf16.ts";
import { remaindersAt, STORAGE_BYTES } from "../memory/storage.ts";
import { baseOf } from "../plan/command-list.ts";
import { Launcher } from "./launcher.ts";
import { GpuProgram, type Machine } from "./program.ts";
import { ProgressBoard } from "./progress-board.ts";
import type { Access, Progress, Ready, Reply, Request, Start } from "./protocol.ts";
import { StagingBuffer } from "./staging-buffer.ts";
import { Store } from "./store.ts";

interface Opened extends Machine {
  readonly code: KernelCode;
}

async function open({ libraries, cacheFolder, board }: Start): Promise<Opened> {
  const ffi = await loadFfi();
  const session = new GpuSession(ffi, bindDriver(ffi, ffi.open(libraries.driver)));
  const compilerLibrary = openWhole(libraryKinds.nvrtc, libraries.nvrtc, thisHost(process.env, ffi.open));
  const folder = join(cacheFolder, "kernels");
  const onProgress = (progress: string) => port.postMessage({ progress } satisfies Progress);
  const code = new KernelCode(
    session.info.sm,
    cached(nvrtc(compilerLibrary), folder),
    compileThreads({ library: libraries.nvrtc, folder }, onProgress),
  );
  const lt = cublasLt(ffi.open(libraries.cublasLt), session);
  const tuner = new Tuner(session, lt, cacheFolder);
  const launcher = new Launcher(session, kernelLoader(session, code), lt, tuner);
  return { session, launcher, store: new Store(session), board: new ProgressBoard(board), code };
}

class Owner {
  readonly #machine: Opened;
  readonly #staging: StagingBuffer;
  readonly #programs = new Map<number, GpuProgram>();

  constructor(machine: Opened, staging: StagingBuffer) {
    this.#machine = machine;
    this.#staging = staging;
  }

  /** The answer to a request; what throws is the answer too. */
  async handle(request: Request): Promise<Reply | undefined> {
    if ("variable" in request) {
      this.#access(request);
      return undefined;
    }
    try {
      return { id: request.id, value: await this.#do(request) };
    } catch (cause) {
      return { id: request.id, error: serializeError(cause) };
    } finally {
      this.#machine.board.write("");
    }
  }

  async #do(request: Exclude<Request, Access>): Promise<unknown> {
    switch (request.kind) {
      case "prepare":
        await this.#machine.code.prepare(request.kernels);
        return undefined;
      case "compile":
        await this.#machine.code.prepare(request.commandList.kernels);
        this.#programs.set(request.program, new GpuProgram(this.#machine, request.commandList));
        return undefined;
      case "run":
        return this.#programs.get(request.program)!.run(request.feeds);
      case "profile":
        return this.#programs.get(request.program)!.profile(request.feeds);
      case "release":
        this.#programs.get(request.program)?.close();
        this.#programs.delete(request.program);
        return undefined;
      case "memory":
        return this.#machine.session.allocatedBytes;
      case "close":
        return this.#close();
    }
  }

  #close(): void {
    for (const program of this.#programs.values()) program.close();
    this.#programs.clear();
    this.#machine.launcher.close();
    this.#machine.session.close();
  }

  #access(request: Access): void {
    try {
      this.#copy(request);
      this.#staging.answer();
    } catch (cause) {
      this.#staging.answer(serializeError(cause));
    }
  }

  #copy({ kind, variable, elements, from, count }: Access): void {
    const { session, store } = this.#machine;
    if (kind === "write") store.declare(variable, elements);
    session.synchronize();
    const { storage } = store.variable(variable);
    const at = (offset: number) => store.locate({ base: baseOf.variable(variable), offset });
    const put = (offset: number, values: Float32Array | Uint16Array) => session.upload(at(offset), values);
    const get = <T extends Float32Array | Uint16Array>(offset: number, values: T): T => {
      session.driver.cuMemcpyDtoH_v2(values, at(offset), values.byteLength);
      return values;
    };
    const half = () => new Uint16Array(count);
    const floats = this.#staging.floats(count);
    const values = Float32Array.from(floats);
    const [first, rest] = [from * STORAGE_BYTES[storage], remaindersAt(elements) + 2 * from];
    if (storage === "split" && kind === "write") {
      const parts = splitF32(values);
      put(2 * from, parts.nearest);
      put(rest, parts.remainders);
    } else if (storage === "split") {
      floats.set(joinF32({ nearest: get(2 * from, half()), remainders: get(rest, half()) }));
    } else if (kind === "write") put(first, storage === "bf16" ? encodeBf16(values) : values);
    else floats.set(storage === "bf16" ? decodeBf16(get(first, half())) : get(first, values));
  }
}

const port = parentPort!;
const start = workerData as Start;
try {
  const machine = await open(start);
  const owner = new Owner(machine, new StagingBuffer(start.staging));
  const serve = async (request: Request) => {
    const reply = await owner.handle(request);
    if (reply !== undefined) port.postMessage(reply);
    if (request.kind === "close") port.close();
  };
  let served: Promise<void> = Promise.resolve();
  port.on("message", (request: Request) => {
    served = served.then(() => serve(request));
  });
  port.postMessage({ gpu: machine.session.info } satisfies Ready);
} catch (cause) {
  port.postMessage({ error: serializeError(cause) } satisfies Ready);
}
