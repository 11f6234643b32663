/** `hnorm selftest resume FILE`, `hnorm selftest engine NAME`: proves on this machine what hnorm promises. */

import { rmSync } from "node:fs";
import { Argument, type Command } from "commander";
import { chooseEngine, type EngineName, engineNames } from "../../backends/registry.ts";
import { EXIT, UserError } from "../../lib/errors.ts";
import { significant } from "../../lib/format.ts";
import { jsonText } from "../../lib/json.ts";
import { type Column, table } from "../../lib/table.ts";
import { cacheDir, temporaryFolder } from "../../local/folders.ts";
import { proveResume } from "../../local/prove-resume.ts";
import { loadSweep } from "../../sweep/expand.ts";
import { type Comparison, selfTest } from "../../train/self-test.ts";
import { saveSelfTest } from "../../train/self-test-result.ts";
import type { Io } from "../io.ts";
import { overrideOption } from "../options/overrides.ts";

interface ResumeOptions {
  readonly steps: string;
  readonly set: readonly string[];
}

export function selftestCommand(command: Command, io: Io): void {
  command
    .command("resume")
    .argument("<file>", "a config; its first run is used")
    .argument("[overrides...]", "key=value")
    .option("--steps <n>", "steps to train", "40")
    .addOption(overrideOption())
    .description(
      "train N steps straight, and N with a kill -9 half-way; compare them byte by byte; exit 4 if they differ",
    )
    .action(async (file: string, overrides: readonly string[], { steps: text, set }: ResumeOptions) => {
      const steps = Number(text);
      if (!Number.isInteger(steps) || steps < 4)
        throw new UserError(`--steps: got ${text}; expected a whole number from 4`);
      const short = [`train.steps=${steps}`, `checkpoint.every=${Math.floor(steps / 4)}`];
      const run = loadSweep(file, [...overrides, ...set, ...short]).runs[0]!;
      const dir = temporaryFolder("hnorm-selftest-");
      try {
        const { steps, killedAfter, differing } = await proveResume(run, file, dir, io.log);
        io.out(
          differing.length === 0
            ? `resume: exact. ${steps} steps straight, and ${killedAfter} + kill + resume, gave byte-identical tables and weights`
            : `resume: NOT exact: ${differing.join(", ")} differ`,
        );
        process.exitCode = differing.length === 0 ? EXIT.ok : EXIT.mismatch;
      } finally {
        rmSync(dir, { recursive: true, force: true });
      }
    });
  command
    .command("engine")
    .addArgument(new Argument("<name>", "the engine").choices(engineNames))
    .option("--json", "every comparison, as JSON")
    .description(
      "compare gradients and steps of small models with the reference engine; exit 4 beyond the tolerance",
    )
    .action(async (name: EngineName, { json }: { json?: boolean }) => {
      const chosen = await chooseEngine(name);
      io.log(`engine ${name}: ${chosen.detail}`);
      const test = await selfTest(chosen.engine, io.log);
      const { faults } = saveSelfTest(chosen, test, cacheDir());
      if (json) io.out(jsonText({ engine: name, detail: chosen.detail, ...test }));
      else io.out([table(worst(test.results), COLUMNS), test.ok ? "passed" : `FAILED: ${faults}`].join("\n"));
      process.exitCode = test.ok ? EXIT.ok : EXIT.mismatch;
    });
}

const COLUMNS: readonly Column<Comparison>[] = [
  { title: "comparison (worst of its kind)", text: ({ what }) => what, align: "left" },
  { title: "deviation", text: ({ off }) => significant(off, 2) },
  { title: "tolerance", text: ({ bound }) => `${bound}` },
];

/** Of each kind of comparison (what stands before the colon, and its bound) the one that is furthest off. */
function worst(results: readonly Comparison[]): readonly Comparison[] {
  const kinds = new Map<string, Comparison>();
  for (const result of results) {
    const kind = `${result.what.split(":")[0]} ${result.bound}`;
    if (result.off > (kinds.get(kind)?.off ?? -1)) kinds.set(kind, result);
  }
  return [...kinds.values()];
}
