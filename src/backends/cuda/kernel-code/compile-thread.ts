/** One of the threads that compile kernels: takes jobs as long as there are any, then ends. */
import { parentPort, workerData } from "node:worker_threads";
import { serializeError } from "../../../lib/serialized-error.ts";
import { loadFfi } from "../driver/ffi.ts";
import { libraryKinds, openWhole, thisHost } from "../driver/libraries.ts";
import type { Batch, Message } from "./compile-threads.ts";
import { cached } from "./cubins.ts";
import { nvrtc } from "./nvrtc.ts";

const { library, folder, jobs, next } = workerData as Batch;
const send = (message: Message) => parentPort!.postMessage(message);
const taken = new Int32Array(next);
try {
  const ffi = await loadFfi();
  const compiler = cached(
    nvrtc(openWhole(libraryKinds.nvrtc, library, thisHost(process.env, ffi.open))),
    folder,
  );
  for (let job = Atomics.add(taken, 0, 1); job < jobs.length; job = Atomics.add(taken, 0, 1)) {
    const { source, options } = jobs[job]!;
    send({ job, cubin: compiler.compile(source, options) });
  }
} catch (cause) {
  Atomics.store(taken, 0, jobs.length); // the others need not begin another
  send({ error: serializeError(cause) });
}
