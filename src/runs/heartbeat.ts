/**
 * The thread that shows a lease's holder is alive: it counts in a file, whatever the training thread is busy with. Once
 * the file is gone, with its folder, the lease belongs to another; it says so and ends.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";

export interface HeartbeatData {
  readonly beat: string;
  readonly everyMs: number;
}

/** As long as any other count: written over itself it never needs room on the disk. */
const text = (count: number): string => `${String(count).padStart(12, "0")}\n`;

const { beat, everyMs } = workerData as HeartbeatData;
let count = 0;
const timer = setInterval(() => {
  try {
    // Opened anew each time: on a network file system closing is what lets others see it.
    const file = openSync(beat, "r+");
    try {
      writeSync(file, text(++count), 0);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ESTALE") return; // the next beat may reach the disk again
    clearInterval(timer);
    parentPort?.postMessage("lost");
  }
}, everyMs);
