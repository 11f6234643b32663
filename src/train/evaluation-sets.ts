/** What a run is judged on: the corpus's own validation split, and the other sets and protocols that its config names. */
import type { Device, Engine } from "../backends/backend.ts";
import { MAIN } from "../config/evaluation-metrics.ts";
import type { EvalSet, RunConfig } from "../config/schema.ts";
import { type Corpus, openCorpus } from "../data/corpus.ts";
import type { DataSpec, SourceSpec } from "../data/schema.ts";
import type { DataContext } from "../data/source.ts";
import { UserError } from "../lib/errors.ts";
import { atStep, evaluationGraph, tokenLossesGraph } from "../model/graphs.ts";
import { plan } from "../plan/plan.ts";
import { DEFAULT_PROTOCOL, metricsOf, protocolLabel, sliceOf } from "../protocols/index.ts";
import type { Metric } from "../protocols/metric.ts";
import type { Slice } from "../protocols/protocol.ts";
import { type Evaluation, evaluate } from "./evaluate.ts";

export interface EvaluationSet {
  /** As the column `split` has it: the corpus's own validation split, or the set's name. */
  readonly split: string;
  /** As the column `protocol` has it. */
  readonly protocol: string;
  /** The numbers it gives, in the order of tables. */
  readonly metrics: Readonly<Record<string, Metric>>;
  readonly slice: Slice;
  readonly corpus: Corpus;
}

/** All sets of a run, the main one first. Slow where another corpus must be tokenized first. */
export async function evaluationSets(
  config: RunConfig,
  corpus: Corpus,
  ctx: DataContext,
): Promise<readonly EvaluationSet[]> {
  const main = { protocol: DEFAULT_PROTOCOL, tokens: config.eval.tokens };
  const sets = [evaluationSet(MAIN, corpus, config, main)];
  for (const [name, set] of Object.entries(config.eval.sets ?? {})) {
    const used = corpus.describe().tokenizer;
    const own = set.source === undefined ? corpus : await corpusOf(name, set.source, config, used, ctx);
    sets.push(evaluationSet(name, own, config, set));
  }
  return sets;
}

export function evaluationSet(
  split: string,
  corpus: Corpus,
  { model }: Pick<RunConfig, "model">,
  { protocol, tokens }: Pick<EvalSet, "protocol" | "tokens">,
): EvaluationSet {
  const slice = sliceOf(protocol, corpus, { seqLen: model.seq_len, maxTokens: tokens });
  return { split, protocol: protocolLabel(protocol), metrics: metricsOf(protocol), slice, corpus };
}

/** The set's own corpus, in the ids of the tokenizer that the model was trained with. */
export async function corpusOf(
  name: string,
  source: SourceSpec,
  { data, model }: Pick<RunConfig, "data" | "model">,
  usedTokenizer: string | null,
  ctx: DataContext,
): Promise<Corpus> {
  const { tokenizer } = data;
  const corpus = await openCorpus(
    { source, ...(tokenizer === undefined ? {} : { tokenizer }) } as DataSpec,
    ctx,
  );
  const own = corpus.describe().tokenizer;
  if (own !== usedTokenizer)
    throw new UserError(
      `eval.sets.${name}: its ids are those of ${own}, the model was trained on those of ${usedTokenizer}`,
    );
  if (corpus.vocabSize > model.vocab_size)
    throw new UserError(
      `eval.sets.${name}: has ${corpus.vocabSize} token ids, more than model.vocab_size ${model.vocab_size}`,
    );
  return corpus;
}

/** A set that is ready to be evaluated with the weights as they are on the device. */
export interface Evaluator extends Pick<EvaluationSet, "split" | "protocol" | "metrics"> {
  /** After step t. */
  evaluate(t: number): Promise<Evaluation>;
}

/** Compiles the evaluation graphs: once for every length of rows and what is asked of their tokens. */
export async function evaluators(
  device: Device,
  engine: Engine,
  { model, norm, eval: { batch_size: batch } }: Pick<RunConfig, "model" | "norm" | "eval">,
  sets: readonly EvaluationSet[],
): Promise<readonly Evaluator[]> {
  const compile = async (slice: Slice) => {
    const options = { batch, seqLen: slice.seqLen, nativeOps: engine.nativeOps };
    const built =
      "perToken" in slice
        ? tokenLossesGraph({ model, norm }, options, slice.perToken)
        : evaluationGraph({ model, norm }, options);
    return { built, program: await device.compile(plan(built.graph, engine.bytes)) };
  };
  const key = (slice: Slice) =>
    JSON.stringify([slice.seqLen, "perToken" in slice ? slice.perToken : "group sums"]);
  const programs = new Map<string, Awaited<ReturnType<typeof compile>>>();
  for (const { slice } of sets) if (!programs.has(key(slice))) programs.set(key(slice), await compile(slice));
  return sets.map(({ split, protocol, metrics, slice }) => ({
    split,
    protocol,
    metrics,
    evaluate(t) {
      const { built, program } = programs.get(key(slice))!;
      const stepFeeds = atStep(built, t);
      return evaluate({ run: (feeds) => program.run({ ...feeds, ...stepFeeds }) }, slice, batch);
    },
  }));
}
