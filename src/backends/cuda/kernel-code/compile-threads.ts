/** Compiles kernels on as many threads as there are processors: NVRTC works on several programs at once. */
import { availableParallelism } from "node:os";
import { performance } from "node:perf_hooks";
import { Worker } from "node:worker_threads";
import { duration } from "../../../lib/format.ts";
import { deserializeError, type SerializedError } from "../../../lib/serialized-error.ts";
import { threadFile } from "../../../lib/thread-file.ts";
import type { CompileAll, CompileJob } from "./kernel-code.ts";

/** What a thread starts with. All of them take jobs from one list. */
export interface Batch {
  readonly library: string;
  readonly folder: string;
  readonly jobs: readonly CompileJob[];
  /** One 32-bit integer: the first job that nobody has taken. */
  readonly next: SharedArrayBuffer;
}

/** What a thread says: of each job, or that it gives up. */
export type Message =
  | { readonly job: number; readonly cubin: Uint8Array }
  | { readonly error: SerializedError };

/** NVRTC of this path, with a memory in `folder`. `onProgress` hears of work that lasts. */
export function compileThreads(
  at: Pick<Batch, "library" | "folder">,
  onProgress: (what: string) => void,
): CompileAll {
  return async (jobs) => {
    const cubins: Uint8Array[] = [];
    if (jobs.length < 2) return cubins; // quicker without a thread
    const advance = meter(jobs.length, onProgress);
    const batch: Batch = { ...at, jobs, next: new SharedArrayBuffer(4) };
    const onCubin = ({ job, cubin }: Exclude<Message, { readonly error: SerializedError }>) => {
      cubins[job] = cubin;
      advance();
    };
    const threads = Math.min(jobs.length, availableParallelism());
    const ends = await Promise.all(Array.from({ length: threads }, () => thread(batch, onCubin)));
    const failed = ends.find((end) => end !== undefined);
    if (failed !== undefined) throw failed;
    return cubins;
  };
}

/** Ends with the thread, with what went wrong there. */
function thread(
  batch: Batch,
  onCubin: (message: Exclude<Message, { readonly error: SerializedError }>) => void,
): Promise<Error | undefined> {
  const worker = new Worker(threadFile(import.meta.url, "compile-thread"), { workerData: batch });
  let failed: Error | undefined;
  worker.on("message", (message: Message) => {
    if ("error" in message) failed = deserializeError(message.error);
    else onCubin(message);
  });
  return new Promise((resolve) => {
    worker.on("error", (error) => {
      failed = error;
    });
    worker.on("exit", () => resolve(failed));
  });
}

/** Milliseconds without a word. */
const QUIET_MS = 2000;

/** Counts what is done, and says now and then how far it is. `now`: milliseconds. */
export function meter(
  total: number,
  onProgress: (what: string) => void,
  now: () => number = () => performance.now(),
): () => void {
  const begun = now();
  let [done, spoken] = [0, begun];
  return () => {
    done++;
    const passed = now() - begun;
    if (begun + passed - spoken < QUIET_MS || done === total) return;
    spoken = begun + passed;
    onProgress(
      `compiling kernels ${done}/${total}, ETA ${duration(((passed / done) * (total - done)) / 1000)}`,
    );
  };
}
