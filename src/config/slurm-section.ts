/**
 * The `slurm:` section: what a sweep's jobs ask of the scheduler. It decides nothing of what a run computes, so it is no
 * part of a run's identity; runs whose sections differ go into different job arrays.
 */
import { z } from "zod";

const count = z.int().min(1);
/** It goes into the words of a command, and into a script's comments. */
const text = z
  .string()
  .regex(/^\P{Cc}+$/u)
  .describe("non-empty text without control characters");
/** What sbatch takes for a memory size: MiB, or a number with a unit. */
const SIZE = /^[1-9]\d*[KMGT]?$/i;

/** Slurm's ways to write a time: M, M:S, H:M:S, D-H, D-H:M, D-H:M:S. */
const TIME = /^(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?$/;

const minutesOrTime = "whole minutes, or a time such as 12:00:00 or 2-00:00:00";
const gpuWords = "a whole number >= 1, or a type and a number such as a100:2";
const sizeWords = "a size such as 16G, or whole MiB";

/** Seconds of a time as Slurm writes it; undefined where it is none, such as UNLIMITED. */
export function slurmSeconds(time: string | number): number | undefined {
  const [, days, a, b, c] = TIME.exec(String(time)) ?? [];
  if (a === undefined) return undefined;
  const [x, y, z] = [Number(a), Number(b ?? 0), Number(c ?? 0)];
  if (days !== undefined) return Number(days) * 86_400 + x * 3600 + y * 60 + z;
  return c === undefined ? x * 60 + y : x * 3600 + y * 60 + z;
}

export const slurmSection = z
  .strictObject({
    partition: text.optional(),
    account: text.optional(),
    qos: text.optional(),
    constraint: text.optional(),
    /** Limit of one attempt; a run that needs longer saves, is requeued and goes on. Default: the partition's. */
    time: z
      .union([count, z.string().regex(TIME).describe(minutesOrTime)])
      .describe(minutesOrTime)
      .optional(),
    /** GPUs of each job: a number, or TYPE:NUMBER. */
    gpus: z
      .union([
        count,
        z
          .string()
          .regex(/^[\w.-]+:[1-9]\d*$/)
          .describe(gpuWords),
      ])
      .describe(gpuWords)
      .optional(),
    /** Written as it is given, where `gpus` cannot say it. */
    gres: text.optional(),
    cpus_per_task: count.optional(),
    mem: z
      .union([count, z.string().regex(SIZE).describe(sizeWords)])
      .describe(sizeWords)
      .optional(),
    /** Most jobs of one array at the same time. */
    throttle: count.optional(),
    /** This many jobs, each of which takes one run after the other, instead of a job for each run. */
    workers: count.optional(),
    /** How long before the time limit a run is told to save and stop. */
    signal_s: z.int().min(10).max(65_535).default(180),
    /** How often a job that saved and stopped is put back into the queue. */
    max_requeues: z.int().min(0).default(50),
    /** Lines of shell before the run, such as `module load`. */
    setup: z.array(z.string()).default([]),
    /** Flags for sbatch, passed on as they are. */
    extra: z
      .array(z.string().regex(/^-\P{Cc}*$/u))
      .describe('a list of sbatch flags, such as ["--exclusive"]')
      .default([]),
    /** Whether a last job writes results.csv. */
    report: z.boolean().default(true),
  })
  .superRefine(({ gpus, gres, time, signal_s }, ctx) => {
    const issue = (key: string, message: string) => ctx.addIssue({ code: "custom", path: [key], message });
    if (gpus !== undefined && gres !== undefined) issue("gres", "give gpus or gres, not both");
    const limit = time === undefined ? undefined : slurmSeconds(time);
    if (limit !== undefined && limit <= signal_s)
      issue("time", `${limit} s, but runs are signalled ${signal_s} s (signal_s) before the limit`);
  });

export type SlurmConfig = Readonly<z.output<typeof slurmSection>>;

/** The section of a config that has none. */
export const defaultSlurm = (): SlurmConfig => slurmSection.parse({});
