/** Keeps a sweep from starting what this machine cannot finish: compares forecasts with its memory and its speed. */
import { totalmem } from "node:os";
import type { ChosenEngine } from "../backends/registry.ts";
import { EnvironmentError } from "../lib/errors.ts";
import { bytes, count, duration, flops } from "../lib/format.ts";
import type { Forecast } from "../train/forecast.ts";
import { measureSpeed } from "../train/speed.ts";

/** Below this many operations a sweep starts without measuring: minutes at a slow machine's 10 GFLOP/s. */
const MEASURE_FROM_FLOPS = 1e13;

export interface Cost {
  readonly forecasts: readonly Forecast[];
  readonly chosen: ChosenEngine;
  readonly threads: number | undefined;
  readonly jobs: number;
}

/** Throws an EnvironmentError with the estimate and what would be needed, unless it fits. */
export async function requireAffordable(
  { forecasts, chosen, threads, jobs }: Cost,
  maxHours: number,
): Promise<void> {
  const needed = Math.max(...forecasts.map((f) => f.memory.total)) * jobs;
  const work = forecasts.reduce((sum, f) => sum + f.totalFlops, 0);
  const reasons: string[] = [];
  if (needed > totalmem()) {
    reasons.push(
      `memory: ${bytes(needed)} for ${jobs === 1 ? "its largest run" : `${jobs} runs at once`}, this machine has ${bytes(totalmem())}`,
    );
  }
  if (work > MEASURE_FROM_FLOPS) {
    const speed = await measureSpeed(chosen.engine, threads);
    const seconds = work / speed;
    if (seconds > maxHours * 3600) {
      const wanted = work / (maxHours * 3600);
      reasons.push(
        `time: about ${duration(seconds)} at the ${flops(speed)}/s measured on engine ${chosen.name}; ` +
          `to end within ${duration(maxHours * 3600)} it needs ${flops(wanted)}/s, ${count(wanted / speed)} times as much`,
      );
    }
  }
  if (reasons.length === 0) return;
  throw new EnvironmentError(
    [
      `this sweep does not fit this machine (${forecasts.length} runs, ${flops(work)} in all):`,
      ...reasons.map((reason) => `  ${reason}`),
      "run it where there is a GPU engine, make it smaller (model.preset, train.tokens, train.micro_batch_size), or insist with --force",
    ].join("\n"),
  );
}
