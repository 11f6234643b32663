/** `hnorm run-one` (hidden): the child process of a sweep. Takes one run over the message channel, trains it, exits. */
import type { Command } from "commander";
import type { DataContext } from "../../data/source.ts";
import type { ToChild } from "../../sweep/launch.ts";
import type { RunEvent } from "../../train/events.ts";
import { executeRun, type RunSpec } from "../../train/run.ts";

/** All a child needs to know. */
export interface Work {
  readonly spec: RunSpec;
  readonly dir: string;
  readonly data: DataContext;
}

export function runOneCommand(program: Command): void {
  program.command("run-one", { hidden: true }).action(runOne);
}

async function runOne(): Promise<void> {
  let stopping = false;
  const stop = () => {
    stopping = true;
  };
  // A terminal's Ctrl-C reaches this process too; the parent decides what it means.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", stop);
  process.on("SIGUSR2", stop);
  process.on("disconnect", stop);

  const work = await new Promise<Work>((resolve) => {
    process.on("message", (message: ToChild<Work>) =>
      message.kind === "work" ? resolve(message.work) : stop(),
    );
  });
  const tell = (event: RunEvent) => void (process.connected && process.send?.(event));
  const data = {
    ...work.data,
    onProgress: (text: string, done?: number, total?: number) => tell(phase(text, done, total)),
  };
  try {
    await executeRun(work.spec, { dir: work.dir, data, tell, shouldStop: () => stopping });
  } finally {
    process.disconnect?.(); // an open channel would keep the process alive
  }
}

const phase = (text: string, done?: number, total?: number): RunEvent => ({
  kind: "phase",
  text,
  ...(done === undefined ? {} : { done }),
  ...(total === undefined ? {} : { total }),
});
