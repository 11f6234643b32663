/** What signals mean to a worker: the first lets every run save its state and stop, the second ends them at once. */
import type { Launched } from "../sweep/launch.ts";

/** How a worker ended: with all it could do done, or by a signal. */
export type SweepEnd = "all" | "interrupted" | "terminated";

/** What schedulers send before they end a job. */
const SAVE_SIGNALS = ["SIGTERM", "SIGUSR2"] as const;

export interface Signals {
  /** Aborted by the first. */
  readonly stopping: AbortSignal;
  end(): SweepEnd;
  /** Whether there was a second. */
  killed(): boolean;
  close(): void;
}

export function listen(active: ReadonlySet<Launched>, say: (text: string) => void): Signals {
  const stop = new AbortController();
  let end: SweepEnd = "all";
  let killed = false;
  const on = (how: SweepEnd) => () => {
    if (end !== "all") {
      killed = true;
      for (const child of active) child.kill();
      return;
    }
    end = how;
    say("saving and stopping after the current step; press Ctrl-C again to stop at once");
    stop.abort();
    for (const child of active) child.stop();
  };
  const [interrupt, terminate] = [on("interrupted"), on("terminated")];
  process.on("SIGINT", interrupt);
  for (const signal of SAVE_SIGNALS) process.on(signal, terminate);
  return {
    stopping: stop.signal,
    end: () => end,
    killed: () => killed,
    close() {
      process.off("SIGINT", interrupt);
      for (const signal of SAVE_SIGNALS) process.off(signal, terminate);
    },
  };
}
