/** Keeps a sweep from starting what this machine cannot finish: compares forecasts with its memory and its speed. */
import { totalmem } from "node:os";
import { EnvironmentError } from "../lib/errors.ts";
import { bytes, count, duration, flops, plural } from "../lib/format.ts";
import { fits, fittingMicroBatch } from "../train/tradeoffs.ts";
import { type Cost, measureSpeeds, speedText } from "./costs.ts";

/** Below this many operations a sweep starts without measuring: minutes at a slow machine's 10 GFLOP/s. */
const MEASURE_FROM_FLOPS = 1e13;

/** Throws an EnvironmentError with the estimate and what would be needed, unless it fits. */
export async function requireAffordable(
  runs: readonly Cost[],
  jobs: number,
  maxHours: number,
): Promise<void> {
  const ofTheMachine = runs.filter((run) => run.memory.capacity === undefined);
  const memory = Math.max(0, ...ofTheMachine.map((run) => run.memory.total)) * jobs;
  const work = runs.reduce((sum, run) => sum + run.computedFlops, 0);
  const reasons: string[] = tooLargeForDevice(runs);
  if (memory > totalmem()) {
    const what = jobs === 1 ? "its largest run" : `${jobs} runs at once`;
    reasons.push(`memory: ${bytes(memory)} for ${what}, this machine has ${bytes(totalmem())}`);
  }
  if (work > MEASURE_FROM_FLOPS) {
    const speeds = await measureSpeeds(runs);
    const seconds =
      runs.reduce((sum, run) => sum + run.computedFlops / speeds.get(run.chosen.name)!, 0) / jobs;
    const limit = maxHours * 3600;
    if (seconds > limit) {
      reasons.push(
        `time: about ${duration(seconds)} at ${speedText(speeds)}; to finish within ${duration(limit)} ` +
          `it needs ${flops(work / limit)}/s, ${count(seconds / limit)} times as much`,
      );
    }
  }
  if (reasons.length === 0) return;
  throw new EnvironmentError(
    [
      `this sweep does not fit this machine (${plural(runs.length, "run")}, ${flops(work)} in all):`,
      ...reasons.map((reason) => `  ${reason}`),
      "run it where there is a GPU engine, make it smaller (model.preset, train.tokens, train.micro_batch_size), or override with --force",
    ].join("\n"),
  );
}

/** The largest run of those that are given a device to themselves, if it does not fit there, and what would. */
function tooLargeForDevice(runs: readonly Cost[]): string[] {
  const over = runs.filter(({ memory }) => memory.capacity !== undefined && !fits(memory));
  const [run] = over.toSorted((a, b) => b.memory.total - a.memory.total);
  if (run === undefined) return [];
  const { total, reserve = 0, capacity } = run.memory;
  return [
    `memory: ${bytes(total + reserve)} for its largest run, the device has ${bytes(capacity!)}; ${remedies(run)}`,
  ];
}

/** What would make a run fit its device that does not as it is configured. */
function remedies({ workload, chosen: { engine }, recompute, optimizerState, tradeoffs }: Cost): string {
  const other = tradeoffs().find(({ memory }) => fits(memory));
  const size = fittingMicroBatch(workload, engine);
  const changes = [
    ...(other === undefined || other.recompute === recompute ? [] : [`train.recompute ${other.recompute}`]),
    ...(other === undefined || other.optimizerState === optimizerState
      ? []
      : [`train.optimizer_state ${other.optimizerState}`]),
  ];
  const found = [
    ...(changes.length === 0 ? [] : [changes.join(" with ")]),
    ...(size === undefined ? [] : [`train.micro_batch_size ${size}`]),
  ];
  return found.length === 0 ? "no micro-batch is small enough" : `${found.join(" or ")} would fit`;
}
