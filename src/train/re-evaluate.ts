/** A finished run's weights under another protocol, on another set, or on another engine. Writes nothing. */
import type { ChosenEngine } from "../backends/registry.ts";
import type { EvalSet } from "../config/schema.ts";
import { openCorpus } from "../data/corpus.ts";
import type { DataContext } from "../data/source.ts";
import { UserError } from "../lib/errors.ts";
import type { Metric } from "../protocols/metric.ts";
import type { Evaluation } from "./evaluate.ts";
import { corpusOf, evaluationSet, evaluators } from "./evaluation-sets.ts";
import { type FinishedRun, loadWeights } from "./finished-run.ts";

export interface ReEvaluation extends Evaluation {
  readonly run: string;
  readonly step: number;
  readonly split: string;
  readonly protocol: string;
  /** What its numbers are, in the order of tables. */
  readonly metrics: Readonly<Record<string, Metric>>;
  /** Of the rows that were predicted. */
  readonly sliceSha256: string;
  readonly dataFingerprint: string;
  readonly engine: string;
}

/** `split` is what the set is called. Without a source of its own it is the run's own validation split. */
export async function reEvaluate(
  run: FinishedRun,
  split: string,
  set: EvalSet,
  { name, engine }: ChosenEngine,
  ctx: DataContext,
): Promise<ReEvaluation> {
  const { config } = run;
  const corpus = await (set.source === undefined
    ? ownCorpus(run, ctx)
    : corpusOf(split, set.source, config, run.tokenizer, ctx));
  const on = evaluationSet(split, corpus, config, set);
  const { slice } = on;
  const device = await engine.open({ threads: config.engine.threads });
  try {
    await loadWeights(device, run);
    const [evaluator] = await evaluators(device, engine, config, [on]);
    const evaluation = await evaluator!.evaluate(run.step);
    return {
      ...evaluation,
      run: run.name,
      step: run.step,
      split,
      protocol: on.protocol,
      metrics: on.metrics,
      sliceSha256: slice.sha256,
      dataFingerprint: corpus.fingerprint,
      engine: name,
    };
  } finally {
    await device.close();
  }
}

/** The corpus that the run was trained on, and no other that its patterns happen to match by now. */
async function ownCorpus({ dir, config, dataFingerprint }: FinishedRun, ctx: DataContext) {
  const corpus = await openCorpus(config.data, ctx, config.model.vocab_size);
  if (dataFingerprint === undefined || corpus.fingerprint === dataFingerprint) return corpus;
  throw new UserError(
    `${dir}: the data are not those of the run: fingerprint ${corpus.fingerprint.slice(0, 12)}, then ${dataFingerprint.slice(0, 12)}; name the folder where they are with --base-dir, or other data with --source`,
  );
}
