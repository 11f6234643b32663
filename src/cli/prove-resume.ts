/** Proves on this machine that a killed run goes on to the bytes of one left alone. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ENTRY } from "../lib/entry.ts";
import { EnvironmentError, EXIT } from "../lib/errors.ts";
import { runFiles } from "../runs/paths.ts";
import { readStatus } from "../runs/status.ts";
import type { Run } from "../sweep/expand.ts";
import { launch } from "../sweep/launch.ts";
import type { RunEvent } from "../train/events.ts";
import type { Work } from "./commands/run-one.ts";
import type { Io } from "./io.ts";
import { dataContext } from "./places.ts";

/** Trains the run of config `file` in `dir` straight, and killed half-way; the exit code. */
export async function proveResume(run: Run, file: string, dir: string, io: Io): Promise<number> {
  const { steps } = run.config.train;
  const half = Math.ceil(steps / 2);
  io.say(`${run.name}: ${steps} steps straight`);
  await trained({ spec: run, dir: join(dir, "straight"), data: dataContext(file) });
  io.say(`${run.name}: the same, killed after step ${half}`);
  const killed = { spec: run, dir: join(dir, "killed"), data: dataContext(file) };
  await trained(killed, half);
  io.say(`${run.name}: and gone on with`);
  await trained(killed);

  const [a, b] = [runFiles(join(dir, "straight")), runFiles(killed.dir)];
  const compared = ["metrics", "evaluations", "gradientNorms", "weights"] as const;
  const other = compared.filter((name) => !readFileSync(a[name]).equals(readFileSync(b[name])));
  if (other.length === 0) {
    io.out(
      `resume: exact. ${steps} steps, and ${half} + kill + the rest, left the same tables and weights to the byte`,
    );
    return EXIT.ok;
  }
  io.out(`resume: NOT exact: ${other.join(", ")} differ`);
  return EXIT.mismatch;
}

/** Runs a child to its end, or kills it when it reports step `killAt`. */
async function trained(work: Work, killAt = Infinity): Promise<void> {
  const child = launch<Work, RunEvent>({
    entry: ENTRY,
    work,
    onEvent: (event) => {
      if (event.kind === "step" && event.step >= killAt) child.kill();
    },
  });
  const { stderr } = await child.ended;
  const status = readStatus(work.dir);
  if (killAt < Infinity || status?.state === "done") return;
  throw new EnvironmentError(`the run did not end well: ${status?.state}: ${status?.message ?? stderr}`);
}
