/** `hnorm selftest resume FILE`: proves on this machine that a killed run goes on to the bytes of one left alone. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { EnvironmentError, EXIT, UserError } from "../../lib/errors.ts";
import { runFiles } from "../../runs/paths.ts";
import { readStatus } from "../../runs/status.ts";
import { loadSweep, type Run } from "../../sweep/expand.ts";
import { launch } from "../../sweep/launch.ts";
import type { RunEvent } from "../../train/events.ts";
import type { Io } from "../io.ts";
import { overrideOption } from "../overrides.ts";
import { dataContext } from "../places.ts";
import { ENTRY } from "../sweep-runs.ts";
import type { Work } from "./run-one.ts";

interface Options {
  readonly steps: string;
  readonly set: readonly string[];
}

export function selftestCommand(program: Command, io: Io): void {
  program
    .command("selftest")
    .description("prove on this machine what hnorm promises")
    .command("resume")
    .argument("<file>", "a config; its first run is tried")
    .argument("[overrides...]", "key=value")
    .option("--steps <n>", "steps to train", "40")
    .addOption(overrideOption())
    .description(
      "train N steps straight, and N with a kill -9 half-way; compare all bytes; exit 4 if they differ",
    )
    .action(async (file: string, overrides: readonly string[], { steps: text, set }: Options) => {
      const steps = Number(text);
      if (!Number.isInteger(steps) || steps < 4)
        throw new UserError(`--steps: got ${text}; expected a whole number from 4`);
      const short = [`train.steps=${steps}`, `checkpoint.every=${Math.floor(steps / 4)}`];
      const run = loadSweep(file, [...overrides, ...set, ...short]).runs[0]!;
      const dir = mkdtempSync(join(tmpdir(), "hnorm-selftest-"));
      try {
        process.exitCode = await compare(run, file, dir, io);
      } finally {
        rmSync(dir, { recursive: true, force: true });
      }
    });
}

async function compare(run: Run, file: string, dir: string, io: Io): Promise<number> {
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
