/** What a config's slurm section says, in sbatch's words. On the command line, where no variable of a site overrules it. */
import type { SlurmConfig } from "../config/slurm-section.ts";
import type { Intent } from "./submission.ts";

interface Asked extends Pick<Intent, "name" | "comment" | "elements"> {
  /** Folder of the jobs' own output. */
  readonly logs: string;
  readonly script: string;
  /** Base ids of jobs that must have ended first, however they end. */
  readonly after: readonly string[];
}

/** An array of jobs that save when warned, and may be requeued. */
export function arrayArguments(slurm: SlurmConfig, asked: Asked): readonly string[] {
  const { gpus, gres = gpus === undefined ? undefined : `gpu:${gpus}`, throttle } = slurm;
  const atOnce = throttle === undefined ? "" : `%${throttle}`;
  return [
    ...common(slurm, asked, "%A_%a"),
    `--array=0-${asked.elements - 1}${atOnce}`,
    ...flags({ time: slurm.time, gres, "cpus-per-task": slurm.cpus_per_task, mem: slurm.mem }),
    ...flags({ constraint: slurm.constraint }),
    "--requeue",
    // To the steps of the job, not to its shell: it is the run that has to save.
    `--signal=USR2@${slurm.signal_s}`,
    ...slurm.extra,
    asked.script,
  ];
}

/** One short job that needs next to nothing. */
export const reportArguments = (slurm: SlurmConfig, asked: Asked): readonly string[] => [
  ...common(slurm, asked, "%j"),
  "--time=30",
  asked.script,
];

const common = (
  { partition, account, qos }: SlurmConfig,
  { name, comment, logs, after }: Asked,
  log: string,
): readonly string[] => [
  "--parsable",
  ...flags({ "job-name": name, comment, partition, account, qos }),
  ...["--nodes=1", "--ntasks=1", "--open-mode=append"],
  // In a file name % begins a field.
  ...flags({
    output: `${logs.replaceAll("%", "%%")}/${log}.out`,
    error: `${logs.replaceAll("%", "%%")}/${log}.err`,
  }),
  ...(after.length === 0 ? [] : [`--dependency=afterany:${after.join(":")}`, "--kill-on-invalid-dep=yes"]),
];

const flags = (values: Readonly<Record<string, string | number | undefined>>): readonly string[] =>
  Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`]));
