/** The layout of `runs/`: the only file that knows what lies where. */
import { join } from "node:path";

/** Files of one run, `runs/SWEEP/RUN/`. */
export const runFiles = (dir: string) =>
  ({
    dir,
    /** What is trained, with every default filled in. */
    config: join(dir, "config.resolved.json"),
    provenance: join(dir, "provenance.json"),
    status: join(dir, "status.json"),
    metrics: join(dir, "metrics.csv"),
    evaluations: join(dir, "eval.csv"),
    /** Everything a clock or a machine can change, so that the other CSVs compare byte by byte. */
    timing: join(dir, "timing.csv"),
    log: join(dir, "log.jsonl"),
    weights: join(dir, "weights.safetensors"),
    checkpoints: join(dir, "ckpt"),
    /** Who trains it, and who did: see lease.ts. */
    lease: join(dir, "lease"),
    /** One line per attempt that has ended. */
    attempts: join(dir, "attempts.jsonl"),
    /** What each attempt wrote to stderr. */
    logs: join(dir, "logs"),
    /** Written last: without it the run is not finished, whatever else is there. */
    done: join(dir, "DONE"),
  }) as const;

/** A table of a probe, by its file name. */
export const probeFile = (dir: string, table: string): string => join(dir, table);

/** What an attempt wrote to stderr. */
export const stderrFile = (dir: string, attempt: number): string =>
  join(runFiles(dir).logs, `attempt-${attempt}.err`);

/** Folders of a run that keep what an earlier attempt left: `attempt-3`. */
export const ASIDE = /^attempt-(\d+)$/;

/** What `hnorm eval --save` leaves in a run's folder; `split` where it is not the corpus's own. */
export function reEvaluationFile(dir: string, protocol: string, split?: string): string {
  const name = split === undefined ? protocol : `${protocol}-${split}`;
  return join(dir, `eval-${name.replace(/[^\w.=-]+/g, "_")}.csv`);
}

/** Files of a sweep, `runs/SWEEP/`. */
export const sweepFiles = (dir: string) =>
  ({
    dir,
    /** The resolved list of runs. */
    sweep: join(dir, "sweep.json"),
    /** One row per run, written when the sweep begins and each time a run ends. */
    results: join(dir, "results.csv"),
    log: join(dir, "sweep.log.jsonl"),
    run: (name: string) => join(dir, name),
  }) as const;
