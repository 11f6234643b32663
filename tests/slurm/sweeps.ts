/** Sweeps as the tests submit them: seconds of training, with many steps and checkpoints to be stopped between. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { loadSweep } from "../../src/sweep/expand.ts";
import { type Finished, file, finish, start, tiny } from "../e2e/hnorm.ts";
import { type Cluster, sleep } from "./cluster.ts";

const COMPARED = ["metrics.csv", "eval.csv", "grad_norms.csv", "weights.safetensors"];

export interface Sweep {
  readonly dir: string;
  readonly runs: readonly string[];
  hnorm(...args: readonly string[]): Promise<Finished>;
  /** The same with more in its environment. */
  with(env: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Finished>;
  /** `hnorm sweep --launcher slurm` of it; the ids of the jobs that it says it has submitted, the report last. */
  submit(...args: readonly string[]): Promise<readonly string[]>;
  run(name: string, file: string): string;
  status(name: string): { readonly state?: string; readonly step?: number };
  isDone(): boolean;
  /** All that the jobs themselves said. */
  said(): string;
  /** When the last of its jobs began to say something, in milliseconds. */
  begun(): number;
}

/** A sweep over seeds in a folder of its own. */
export function sweepOver(
  folder: string,
  cluster: Cluster,
  seeds: readonly number[],
  { steps = 600, slurm = {} }: { steps?: number; slurm?: Readonly<Record<string, unknown>> } = {},
): Sweep {
  const config = {
    norm: "hybrid-star",
    slurm,
    sweep: { grid: { "train.seed": seeds } },
    train: {
      steps,
      batch_size: 8,
      micro_batch_size: 4,
      lr: 0.01,
      schedule: { name: "cosine", warmup_steps: 2 },
    },
    ...{
      eval: { every: 50, tokens: 128 },
      log: { grad_norms_every: 20 },
      checkpoint: { every: 25, keep: 2 },
    },
  };
  file(folder, "q.yaml", tiny(config));
  const dir = join(folder, "runs", "q");
  const hnorm = (...args: readonly string[]) => finish(start(folder, args, cluster.env));
  const { runs } = loadSweep(join(folder, "q.yaml"), []);
  const read = (path: string) => (existsSync(path) ? readFileSync(path, "utf8") : "");
  return {
    dir,
    runs: runs.map(({ name }) => name),
    hnorm,
    with: (env, ...args) => finish(start(folder, args, { ...cluster.env, ...env })),
    async submit(...args) {
      const { code, stdout, stderr } = await hnorm(
        "sweep",
        "q.yaml",
        "--launcher",
        "slurm",
        "--json",
        ...args,
      );
      expect(code, stderr).toBe(0);
      return (JSON.parse(stdout) as { submitted: readonly { job: string }[] }).submitted.map(
        ({ job }) => job,
      );
    },
    run: (name, path) => read(join(dir, name, path)),
    status: (name) => JSON.parse(read(join(dir, name, "status.json")) || "{}"),
    isDone: () => runs.every(({ name }) => existsSync(join(dir, name, "DONE"))),
    said: () =>
      logsIn(dir)
        .map((path) => readFileSync(path, "utf8"))
        .join("\n"),
    begun: () => Math.max(...logsIn(dir).map((path) => statSync(path).birthtimeMs)),
  };
}

/** The same runs, trained here in one go. */
export async function expectBytesOfUndisturbed(
  sweep: Sweep,
  folder: string,
  runs: readonly string[],
): Promise<void> {
  const other = join(folder, "undisturbed");
  const { code, stderr } = await sweep.hnorm("sweep", "q.yaml", "--runs-dir", other, "--jobs", "2");
  expect(code, stderr).toBe(0);
  for (const name of runs) {
    expect(sweep.status(name), sweep.said()).toMatchObject({ state: "done" });
    for (const table of COMPARED) {
      const [mine, theirs] = [join(sweep.dir, name, table), join(other, "q", name, table)].map((path) =>
        readFileSync(path),
      );
      expect(mine!.equals(theirs!), `${name}/${table}`).toBe(true);
    }
  }
}

/** Paths of all that the jobs of a sweep said. */
function logsIn(dir: string): readonly string[] {
  const root = join(dir, "slurm");
  const nonces = existsSync(root) ? readdirSync(root) : [];
  const folders = nonces.map((nonce) => join(root, nonce, "logs")).filter((logs) => existsSync(logs));
  return folders.flatMap((logs) => readdirSync(logs).map((name) => join(logs, name)));
}

/** Looks until it is so; on a machine with other things to do that may take its time. */
export async function until(what: string, is: () => boolean, more: () => string = () => ""): Promise<void> {
  for (const begun = performance.now(); performance.now() - begun < 150_000; ) {
    if (is()) return;
    await sleep(200);
  }
  throw new Error(`never: ${what}\n${more()}`);
}

const ENDED = /^(COMPLETED|FAILED|CANCELLED|TIMEOUT|NODE_FAIL|OUT_OF_MEMORY)$/;

export const hasEnded = (cluster: Cluster, job: string): boolean => {
  const states = [...cluster.states()].filter(([id]) => id.split("_")[0] === job).map(([, state]) => state);
  return states.length > 0 && states.every((state) => ENDED.test(state));
};

export const statesOf = (cluster: Cluster, job: string): readonly string[] =>
  [...cluster.states()].filter(([id]) => id.split("_")[0] === job).map(([, state]) => state);

/** How often a run was begun, as its jobs say. */
export const attempts = (sweep: Sweep, run: string): number =>
  sweep
    .said()
    .split("\n")
    .filter((line) => new RegExp(`attempt \\d+ of ${run}$`).test(line)).length;
