/** What `hnorm status` prints: a table of runs and a line about their sweep, a line per sweep, or JSON. */
import { count, duration, fixed, plural } from "../../lib/format.ts";
import { type Column, table } from "../../lib/table.ts";
import { type RunView, VIEW_STATES } from "../../report/status/run-view.ts";
import type { SweepView } from "../../report/status/sweep-view.ts";

const some = <T>(value: T | undefined, text: (value: T) => string): string =>
  value === undefined ? "-" : text(value);

const COLUMNS: readonly Column<RunView>[] = [
  { title: "run", text: ({ name }) => name, align: "left" },
  { title: "state", text: ({ label }) => label, align: "left" },
  { title: "attempt", text: ({ attempt }) => some(attempt, String) },
  { title: "where", text: where, align: "left" },
  { title: "step", text: ({ step, steps }) => `${step}/${steps}` },
  { title: "tokens/s", text: ({ tokensPerSecond }) => some(tokensPerSecond, count) },
  { title: "ETA", text: ({ etaSeconds }) => some(etaSeconds, duration) },
  { title: "loss", text: ({ loss }) => fixed(loss, 4) },
  { title: "val ppl", text: ({ valPpl }) => fixed(valPpl, 3) },
];

/** `node7 gpu 2, job 1234_5` */
function where({ host, slot, job }: RunView): string {
  const place = [host, slot === undefined ? undefined : `gpu ${slot}`].filter((word) => word !== undefined);
  return job === undefined ? place.join(" ") || "-" : `${place.join(" ")}, job ${job}`;
}

export const runsTable = (runs: readonly RunView[]): string => table(runs, COLUMNS);

/** `quick: 6 runs: 1 running, 2 queued, 3 done; step 820 of 1500; ETA 12 min 3 s` */
export function sweepLine({ name, runs, counts, step, steps, etaSeconds, over }: SweepView): string {
  const states = VIEW_STATES.filter((state) => counts[state] > 0).map((state) => `${counts[state]} ${state}`);
  const unknown = counts.running > 0 ? "not known yet" : "unknown: nothing is running";
  const eta = over ? "" : `; ETA ${etaSeconds === undefined ? unknown : duration(etaSeconds)}`;
  return `${name}: ${plural(runs.length, "run")}: ${states.join(", ")}; step ${step} of ${steps}${eta}`;
}

/** The first line of what failed runs and diverged ones say. */
export function failureMessages(runs: readonly RunView[], most = 10): readonly string[] {
  const said = runs.filter(({ state, message }) => state === "failed" && message !== undefined);
  const lines = said.slice(0, most).map(({ name, message }) => `${name}: ${message!.split("\n")[0]}`);
  return said.length > most ? [...lines, `and ${said.length - most} more failed`] : lines;
}

export function statusText(sweep: SweepView): string {
  const said = failureMessages(sweep.runs);
  return [runsTable(sweep.runs), "", ...(said.length === 0 ? [] : [...said, ""]), sweepLine(sweep)].join(
    "\n",
  );
}

export const statusJson = (dir: string, sweep: SweepView): object => ({
  sweep: sweep.name,
  dir,
  over: sweep.over,
  counts: sweep.counts,
  step: sweep.step,
  steps: sweep.steps,
  eta_seconds: sweep.etaSeconds ?? null,
  runs: sweep.runs.map((run) => ({
    run: run.name,
    id: run.id,
    factors: run.factors,
    state: run.state,
    label: run.label,
    attempt: run.attempt ?? null,
    host: run.host ?? null,
    slot: run.slot ?? null,
    job: run.job ?? null,
    step: run.step,
    steps: run.steps,
    tokens_per_second: run.tokensPerSecond ?? null,
    eta_seconds: run.etaSeconds ?? null,
    train_loss: run.loss ?? null,
    val_ppl: run.valPpl ?? null,
    started: run.started ?? null,
    ended: run.ended ?? null,
    message: run.message ?? null,
  })),
});
