/** A run small enough for the reference engine: a tiny model on the Markov source. */
import { reference } from "../../../src/backends/reference/reference.ts";
import { resolve } from "../../../src/config/resolve.ts";
import type { RunConfig } from "../../../src/config/schema.ts";
import { type Corpus, openCorpus } from "../../../src/data/corpus.ts";
import { listParameters } from "../../../src/model/graphs.ts";
import type { Evaluation } from "../../../src/train/evaluate.ts";
import { evaluationSets } from "../../../src/train/evaluation-sets.ts";
import type { StepResult } from "../../../src/train/step.ts";
import { type Outcome, type Recorder, train } from "../../../src/train/trainer.ts";

type Changes = Readonly<Record<"norm" | "init" | "model" | "train" | "eval" | "log", object>>;

/** The config of a run, with these keys of its sections changed. */
export function configOf(changes: Partial<Changes> = {}): RunConfig {
  const values = {
    engine: "reference",
    norm: "pre",
    model: {
      d_model: 8,
      n_layers: 2,
      n_heads: 2,
      n_kv_heads: 1,
      ffn_dim: 12,
      vocab_size: 4,
      seq_len: 8,
      ...changes.model,
    },
    data: { source: { name: "markov", symbols: 4, concentration: 0.03 } },
    train: { steps: 4, batch_size: 8, lr: 0.01, ...changes.train },
    eval: { tokens: 64, ...changes.eval },
    ...(changes.norm === undefined ? {} : { norm: changes.norm }),
    ...(changes.init === undefined ? {} : { init: changes.init }),
    ...(changes.log === undefined ? {} : { log: changes.log }),
  };
  const { config, issues } = resolve(values);
  if (issues.length > 0) throw new Error(JSON.stringify(issues));
  return config as RunConfig;
}

export const corpusOf = (config: RunConfig): Promise<Corpus> =>
  openCorpus(config.data, { baseDir: ".", cacheDir: "." });

/** Everything a run told its recorder, in order, and what it left. */
export interface Story {
  readonly outcome: Outcome;
  readonly steps: readonly (readonly [t: number, result: StepResult])[];
  readonly evaluations: readonly (readonly [t: number, evaluation: Evaluation])[];
  readonly weights: Readonly<Record<string, readonly number[]>>;
}

interface Circumstances {
  /** Asked before step t. */
  readonly shouldStop?: (t: number) => boolean;
  /** Default: the config's own. */
  readonly corpus?: Corpus;
}

export async function storyOf(
  config: RunConfig,
  { shouldStop = () => false, corpus }: Circumstances = {},
): Promise<Story> {
  const steps: [number, StepResult][] = [];
  const evaluations: [number, Evaluation][] = [];
  const recorder: Recorder = {
    started: () => {},
    stepped: (t, result) => steps.push([t, result]),
    evaluated: (t, _, evaluation) => evaluations.push([t, evaluation]),
  };
  const device = await reference.open({});
  const used = corpus ?? (await corpusOf(config));
  const outcome = await train({
    config,
    corpus: used,
    sets: await evaluationSets(config, used, { baseDir: ".", cacheDir: "." }),
    engine: reference,
    device,
    recorder,
    shouldStop: () => shouldStop(steps.length + 1),
  });
  const weights = Object.fromEntries(
    listParameters(config).map(({ name }) => [name, [...device.read(name)]]),
  );
  return { outcome, steps, evaluations, weights };
}

/** A row of a probe's table. */
export type MeasuredRow = Readonly<Record<string, number>> & {
  readonly tensor: string;
  readonly site: string;
};

/** What the probes of a run wrote into a table: the steps at which they did, and each one's rows. */
export function measuredBy(
  { steps }: Story,
  table: string,
): readonly (readonly [t: number, rows: readonly MeasuredRow[]])[] {
  return steps.flatMap(([t, { measured }]) =>
    measured.flatMap((tables) =>
      tables[table] === undefined ? [] : [[t, tables[table] as unknown as MeasuredRow[]] as const],
    ),
  );
}
