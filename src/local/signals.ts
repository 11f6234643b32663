/** What signals mean to a worker: the first lets every run save its state and stop, a second Ctrl-C ends them at once. */

import { isUnderNohup } from "../lib/nohup.ts";
import type { Launched } from "./launch.ts";

/** How a worker ended: with all it could do done, or by a signal. */
export type SweepEnd = "all" | "interrupted" | "terminated";

/** What schedulers send before they end a job, and what a terminal sends when it goes. */
const SAVE_SIGNALS = ["SIGTERM", "SIGUSR2", "SIGHUP"] as const;

export interface Signals {
  /** Aborted by the first. */
  readonly stopping: AbortSignal;
  end(): SweepEnd;
  /** Whether there was a second Ctrl-C. */
  killed(): boolean;
  close(): void;
}

export function listenForSignals(active: ReadonlySet<Launched>, log: (text: string) => void): Signals {
  const stop = new AbortController();
  let end: SweepEnd = "all";
  let killed = false;
  const save = (how: SweepEnd) => {
    end = how;
    log("saving and stopping after the current step; press Ctrl-C again to kill the runs");
    stop.abort();
    for (const child of active) child.stop();
  };
  const interrupt = () => {
    if (end === "all") return save("interrupted");
    killed = true;
    for (const child of active) child.kill();
  };
  // A scheduler says it again, and in several ways: that is no impatience.
  const terminate = () => {
    if (end === "all") save("terminated");
  };
  const ignored = isUnderNohup();
  const terminateUnlessIgnored = (signal: NodeJS.Signals) => {
    if (signal !== "SIGHUP" || !ignored) terminate();
  };
  process.on("SIGINT", interrupt);
  for (const signal of SAVE_SIGNALS) process.on(signal, terminateUnlessIgnored);
  return {
    stopping: stop.signal,
    end: () => end,
    killed: () => killed,
    close() {
      process.off("SIGINT", interrupt);
      for (const signal of SAVE_SIGNALS) process.off(signal, terminateUnlessIgnored);
    },
  };
}
