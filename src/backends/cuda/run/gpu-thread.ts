/** The main thread's end of the line to the thread that owns the GPU. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { EnvironmentError } from "../../../lib/errors.ts";
import { deserializeError } from "../../../lib/serialized-error.ts";
import { threadFile } from "../../../lib/thread-file.ts";
import type { GpuInfo } from "../driver/gpu.ts";
import type { LibraryPaths } from "../driver/libraries.ts";
import { ProgressBoard, watch } from "./progress-board.ts";
import type { Access, Progress, Ready, Reply, Request, Start } from "./protocol.ts";
import { StagingBuffer } from "./staging-buffer.ts";

type Asked = Exclude<Request, Access>;
/** A request before it has its number. */
export type RequestBody = {
  [K in Asked["kind"]]: Omit<Extract<Asked, { readonly kind: K }>, "id">;
}[Asked["kind"]];

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** Who hears of work that lasts, and after how long without a change. */
export interface Listener {
  onProgress(what: string): void;
  readonly quietMs: number;
}

export class GpuThread {
  readonly gpu: GpuInfo;
  readonly #worker: Worker;
  readonly #staging: StagingBuffer;
  readonly #board: ProgressBoard;
  readonly #listener: Listener;
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;
  #programs = 0;
  #dead: Error | undefined;

  private constructor(worker: Worker, { staging, board }: Start, gpu: GpuInfo, listener: Listener) {
    this.#worker = worker;
    this.#staging = new StagingBuffer(staging);
    this.#board = new ProgressBoard(board);
    this.#listener = listener;
    this.gpu = gpu;
    worker.on("message", (message: Reply | Progress) => {
      if ("progress" in message) listener.onProgress(message.progress);
      else this.#settle(message);
    });
    worker.on("error", (error) => this.#die(error));
    worker.on("exit", () => this.#die(new EnvironmentError("engine cuda: the thread of the GPU has ended")));
  }

  /** Starts the thread and waits until the GPU is open. */
  static async start(libraries: LibraryPaths, cacheFolder: string, listener: Listener): Promise<GpuThread> {
    const workerData: Start = {
      libraries,
      cacheFolder,
      staging: StagingBuffer.share(),
      board: ProgressBoard.share(),
    };
    const worker = new Worker(threadFile(import.meta.url, "worker"), { workerData });
    const [ready] = (await once(worker, "message")) as [Ready];
    if ("error" in ready) throw deserializeError(ready.error);
    return new GpuThread(worker, workerData, ready.gpu, listener);
  }

  /** A number for one more program. */
  newProgram(): number {
    return this.#programs++;
  }

  ask(body: RequestBody): Promise<unknown> {
    if (this.#dead !== undefined) return Promise.reject(this.#dead);
    const id = this.#next++;
    const answer = new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ ...body, id });
    });
    return answer.finally(watch(this.#board, this.#listener.quietMs, this.#listener.onProgress));
  }

  /** Copies all of a variable's values to or from the GPU, part by part, while the caller waits. */
  copy(kind: Access["kind"], variable: string, values: Float32Array): void {
    if (this.#dead !== undefined) throw this.#dead;
    const { length: elements } = values;
    for (let from = 0; from < elements; from += this.#staging.capacity) {
      const count = Math.min(this.#staging.capacity, elements - from);
      const part = values.subarray(from, from + count);
      if (kind === "write") this.#staging.floats(count).set(part);
      this.#staging.reset();
      this.#worker.postMessage({ kind, variable, elements, from, count } satisfies Access);
      this.#staging.wait();
      if (kind === "read") part.set(this.#staging.floats(count));
    }
  }

  /** Gives the GPU back. A thread that cannot do that any more is ended. */
  async close(): Promise<void> {
    if (this.#dead !== undefined) return;
    const ended = once(this.#worker, "exit");
    await this.ask({ kind: "close" }).catch(() => this.#worker.terminate());
    await ended;
  }

  #settle(reply: Reply): void {
    const caller = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if ("error" in reply) caller?.reject(deserializeError(reply.error));
    else caller?.resolve(reply.value);
  }

  #die(error: Error): void {
    this.#dead ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#dead);
    this.#waiting.clear();
  }
}
