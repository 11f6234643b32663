/** What is allowed and probably not meant of one run's training, a line each: told by `plan` and `sweep`, never an error. Pure. */
import type { RunConfig } from "../config/schema.ts";
import { parameterGroups } from "../optim/groups.ts";
import { schedules } from "../optim/index.ts";
import type { Schedule } from "../optim/schedule.ts";

export const trainingRemarks = (config: RunConfig): readonly string[] => [
  ...scheduleRemarks(config),
  ...decayRemarks(config),
];

/** A floor that is reached this much of the run before its end is no accident of rounding. */
const IDLE_SHARE = 0.05;

function scheduleRemarks({ train: { schedule, steps } }: RunConfig): readonly string[] {
  const { name, ...params } = schedule;
  const { factor } = schedules[name] as Schedule;
  const at = (t: number): number => factor(t, steps, params);
  const peak = peakOf(at, steps);
  const last = at(steps);
  if (last === peak && peak < 1)
    return [
      `the learning rate never reaches train.lr: after ${steps} steps it is still rising, at ${percent(peak)} of it`,
    ];
  const idle = steps - firstAt(at, steps, last);
  if (last >= peak || idle < IDLE_SHARE * steps) return [];
  return [`the learning rate is at ${percent(last)} of train.lr for the last ${idle} of ${steps} steps`];
}

/** Enough of the steps to find a peak by; a schedule rises once. */
function peakOf(at: (t: number) => number, steps: number): number {
  const stride = Math.max(1, Math.floor(steps / 4096));
  let peak = at(steps);
  for (let t = 1; t <= steps; t += stride) peak = Math.max(peak, at(t));
  return peak;
}

/** The first step from which on the factor is that of the last; factors fall once they have risen. */
function firstAt(at: (t: number) => number, steps: number, last: number): number {
  let [low, high] = [1, steps];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (at(middle) === last && at(middle + 1) === last) high = middle;
    else low = middle + 1;
  }
  return low;
}

const percent = (share: number): string => `${Number((100 * share).toPrecision(3))} %`;

/** |1 - lr wd| >= 1: a step multiplies every decayed weight by that, and does not make it smaller. */
function decayRemarks({ train: { optimizer, lr } }: RunConfig): readonly string[] {
  return parameterGroups(optimizer).flatMap((group) => {
    const left = group.optimizer.decayed(lr * group.lrFactor, group.params);
    if (Math.abs(left) < 1 || left === 1) return [];
    return [
      `weight decay alone multiplies weights by ${Number(left.toPrecision(3))} at every step of the peak learning rate: they do not decay`,
    ];
  });
}
