/** Threads that encode. A batch goes to the thread with the least to do; who did it cannot be seen in the result. */
import { Worker } from "node:worker_threads";
import { deserializeError, type SerializedError } from "../../lib/serialized-error.ts";
import { threadFile } from "../../lib/thread-file.ts";
import type { TokenizerSpec } from "../schema.ts";
import type { Tokens } from "../token-sequence.ts";
import type { FilePlaces } from "../tokenizer.ts";
import type { EncodedBatch, Encoder } from "./encoder.ts";

export interface WorkerData {
  readonly tokenizer: TokenizerSpec;
  readonly places: FilePlaces;
}

export interface ToWorker {
  readonly id: number;
  readonly texts: readonly string[];
}

export type ToPool =
  | { readonly id: number; readonly ids: Tokens; readonly lengths: Uint32Array }
  | { readonly id: number; readonly error: SerializedError };

interface Waiting {
  resolve(batch: EncodedBatch): void;
  reject(error: Error): void;
}

export function encoderPool(data: WorkerData, workers: number): Encoder {
  const threads = Array.from({ length: workers }, () => startThread(data));
  let next = 0;
  return {
    slots: 2 * workers + 1, // one at work and one to follow it, for each
    encode(texts) {
      const thread = threads.reduce((least, t) => (t.waiting.size < least.waiting.size ? t : least));
      return new Promise((resolve, reject) => thread.send({ id: next++, texts }, { resolve, reject }));
    },
    close: async () => void (await Promise.all(threads.map((thread) => thread.worker.terminate()))),
  };
}

function startThread(workerData: WorkerData) {
  const worker = new Worker(threadFile(import.meta.url, "worker"), { workerData });
  const waiting = new Map<number, Waiting>();
  let dead: Error | undefined;
  const die = (error: Error) => {
    dead ??= error;
    for (const { reject } of waiting.values()) reject(dead);
    waiting.clear();
  };
  worker.on("error", die);
  worker.on("exit", (code) => die(new Error(`an encoding thread ended with code ${code}`)));
  worker.on("message", (answer: ToPool) => {
    const caller = waiting.get(answer.id);
    waiting.delete(answer.id);
    if ("error" in answer) caller?.reject(deserializeError(answer.error));
    else caller?.resolve(answer);
  });
  return {
    worker,
    waiting,
    send(message: ToWorker, caller: Waiting) {
      if (dead !== undefined) return caller.reject(dead);
      waiting.set(message.id, caller);
      worker.postMessage(message);
    },
  };
}
