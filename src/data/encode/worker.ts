/** The other end of pool.ts: a thread that loads a tokenizer and encodes what it is sent, one batch after another. */
import { parentPort, workerData } from "node:worker_threads";
import { serializeError } from "../../lib/serialized-error.ts";
import { loadTokenizer } from "../tokenizers/index.ts";
import { encodeBatch } from "./encoder.ts";
import type { ToPool, ToWorker, WorkerData } from "./pool.ts";

const { tokenizer: spec, places } = workerData as WorkerData;
const port = parentPort!;
const loading = loadTokenizer(spec, places);
loading.catch(() => {}); // said with the first batch

port.on("message", async ({ id, texts }: ToWorker) => {
  try {
    const { ids, lengths } = encodeBatch(await loading, texts);
    const answer: ToPool = { id, ids, lengths };
    port.postMessage(answer, [ids.buffer as ArrayBuffer, lengths.buffer as ArrayBuffer]);
  } catch (error) {
    const answer: ToPool = { id, error: serializeError(error) };
    port.postMessage(answer);
  }
});
