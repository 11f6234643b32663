/** `hnorm plan FILE`: every run a config expands to and what it will cost, before anything starts. */

import { existsSync, readdirSync } from "node:fs";
import type { Command } from "commander";
import { filesMissing } from "../../data/corpus.ts";
import type { DataContext } from "../../data/source.ts";
import { bytes, count, duration, flops, plural } from "../../lib/format.ts";
import { jsonText } from "../../lib/json.ts";
import { type Column, table } from "../../lib/table.ts";
import { engineChooserToPlan } from "../../local/choose-engine.ts";
import { type Cost, costs, measureSpeeds, speedText } from "../../local/costs.ts";
import { dataContext, freeBytes, runsDir } from "../../local/folders.ts";
import { remarks } from "../../local/remarks.ts";
import { type AlsoDiffers, alsoDiffers, alsoDiffersText } from "../../report/differences/fairness.ts";
import { rankByJson } from "../../report/ranking/arm-rows.ts";
import { readRankBy } from "../../report/ranking/read-rank-by.ts";
import { sweepFiles } from "../../runs/paths.ts";
import { isFinished } from "../../runs/status.ts";
import { loadSweep, type Run } from "../../sweep/expand.ts";
import { reuseExistingNames } from "../../sweep/reuse-existing-names.ts";
import type { Io } from "../io.ts";
import { overrideOption } from "../options/overrides.ts";
import { peakLines, tradeoffsAsJson } from "../tables/memory-lines.ts";
import { groupsAsJson, optimizerLines } from "../tables/optimizer-lines.ts";
import { probeLines, probesAsJson } from "../tables/probe-lines.ts";

interface Options {
  readonly runsDir?: string;
  readonly probe: boolean;
  readonly json?: boolean;
  readonly set: readonly string[];
}

interface PlannedRun extends Cost {
  readonly run: Run;
  readonly finished: boolean;
  /** Absent without a probe. */
  readonly seconds?: number;
}

export function planCommand(command: Command, io: Io): void {
  command
    .argument("<file>", "a config")
    .argument("[overrides...]", "key=value")
    .option("--runs-dir <dir>", "where results would go (default: HNORM_RUNS_DIR, or ./runs)")
    .option("--no-probe", "do not measure this machine's speed")
    .option("--json", "as JSON")
    .addOption(overrideOption())
    .action(async (file: string, overrides: readonly string[], options: Options) => {
      const asked = loadSweep(file, [...overrides, ...options.set]);
      const files = sweepFiles(`${runsDir(options.runsDir)}/${asked.name}`);
      const { name, runs, expectations = [] } = reuseExistingNames(asked, files.dir);
      const all = await costs(
        runs.map((run) => run.config),
        engineChooserToPlan(io.log),
      );
      const speeds = options.probe ? await measureSpeeds(all) : new Map<string, number>();
      const there = new Set(existsSync(files.dir) ? readdirSync(files.dir) : []);
      const planned = runs.map((run, i): PlannedRun => {
        const cost = all[i]!;
        const speed = speeds.get(cost.chosen.name);
        const seconds = speed === undefined ? {} : { seconds: cost.computedFlops / speed };
        return { run, finished: there.has(run.name) && isFinished(files.run(run.name)), ...cost, ...seconds };
      });
      const unfair = alsoDiffers(runs, name);
      const missing = missingData(runs, dataContext(file));
      const expected =
        expectations.length === 0
          ? []
          : [`${plural(expectations.length, "expectation")}, checked by hnorm verify`];
      const found = [...asked.overridden, ...remarks(runs)];
      const by = readRankBy(files.dir, runs);
      const lines = [
        ...totals(planned, files.dir, speeds),
        ...optimizerLines(planned.map(({ run, optimizerGroups }) => ({ name: run.name, optimizerGroups }))),
        ...missing.map((what) => `data: MISSING: ${what}`),
        ...(by.isDefault ? [] : [`ranked by ${by.noun}, where ${by.metric.better} is better`]),
        ...expected,
        ...unfair.map(alsoDiffersText),
        ...found,
      ];
      const more = { ...rankByJson(by), data_missing: missing, arms_differ_also_in: unfair, remarks: found };
      if (options.json) io.out(jsonText(asJson(planned, speeds, more), 2));
      else io.out([table(planned, columnsFor(planned)), "", ...lines].join("\n"));
    });
}

/** Of each distinct corpus that is not where the config says, why. */
function missingData(runs: readonly Run[], ctx: DataContext): readonly string[] {
  const specs = new Map(runs.map(({ config: { data } }) => [JSON.stringify(data), data]));
  return [...specs.values()].flatMap((spec) => filesMissing(spec, ctx) ?? []);
}

/** What a token uses of the parameters is told where it is not all of them. */
const columnsFor = (planned: readonly PlannedRun[]): readonly Column<PlannedRun>[] =>
  planned.some((p) => p.activeParameters < p.parameters) ? COLUMNS : COLUMNS.filter((c) => c !== ACTIVE);

const ACTIVE: Column<PlannedRun> = { title: "active", text: (p) => count(p.activeParameters) };

const COLUMNS: readonly Column<PlannedRun>[] = [
  { title: "run", text: ({ run }) => run.name, align: "left" },
  { title: "params", text: (p) => count(p.parameters) },
  ACTIVE,
  { title: "FLOP/token", text: (p) => count(p.flopsPerToken) },
  { title: "tokens", text: (p) => count(p.tokens) },
  { title: "weights", text: (p) => bytes(p.memory.weights) },
  { title: "gradients", text: (p) => bytes(p.memory.gradients) },
  { title: "optimizer", text: (p) => bytes(p.memory.optimizer) },
  { title: "activations", text: (p) => bytes(p.memory.activations) },
  { title: "recompute", text: (p) => p.recompute, align: "left" },
  { title: "disk", text: (p) => bytes(p.disk) },
  { title: "time", text: (p) => (p.seconds === undefined ? "-" : duration(p.seconds)) },
  { title: "", text: (p) => (p.finished ? "finished" : "to do"), align: "left" },
];

function totals(
  planned: readonly PlannedRun[],
  dir: string,
  speeds: ReadonlyMap<string, number>,
): readonly string[] {
  const todo = planned.filter((p) => !p.finished);
  const sum = (of: (p: PlannedRun) => number) => todo.reduce((total, p) => total + of(p), 0);
  const free = freeBytes(dir);
  const disk = sum((p) => p.disk);
  return [
    `${plural(planned.length, "run")}, ${todo.length} to do: ${count(sum((p) => p.tokens))} tokens, ${flops(sum((p) => p.totalFlops))}`,
    ...peakLines(todo),
    ...probeLines(todo),
    `disk: ${bytes(disk)} of ${bytes(free)} free${disk > free ? ": NOT ENOUGH" : ""}`,
    speeds.size === 0
      ? "time: not measured"
      : `time: about ${duration(sum((p) => p.seconds ?? 0))} one run after another, at ${speedText(speeds)}; evaluation not counted`,
  ];
}

const asJson = (
  planned: readonly PlannedRun[],
  speeds: ReadonlyMap<string, number>,
  more: object & {
    readonly data_missing: readonly string[];
    readonly arms_differ_also_in: readonly AlsoDiffers[];
  },
): object => ({
  flops_per_second: Object.fromEntries(speeds),
  ...more,
  runs: planned.map(({ run, ...p }) => ({
    run: run.name,
    id: run.id,
    factors: run.factors,
    engine: p.chosen.name,
    finished: p.finished,
    parameters: p.parameters,
    active_parameters: p.activeParameters,
    tokens: p.tokens,
    flops_per_token: p.flopsPerToken,
    total_flops: p.totalFlops,
    computed_flops: p.computedFlops,
    memory_bytes: p.memory,
    recompute: p.recompute,
    optimizer_state: p.optimizerState,
    ...(p.optimizerGroups.length < 2 ? {} : { optimizer_groups: groupsAsJson(p.optimizerGroups) }),
    memory_options: tradeoffsAsJson(p),
    probes: probesAsJson(p),
    disk_bytes: p.disk,
    estimated_seconds: p.seconds ?? null,
  })),
});
