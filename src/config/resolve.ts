/**
 * Plain values of all sections -> one RunConfig with every default filled in, or all issues at once. Sections are
 * checked one by one, so that a mistake in one does not hide another's; then what several of them decide together.
 * Runs of a sweep share most of their sections, so what was found of a section is remembered.
 */
import type { z } from "zod";
import { memoize } from "../lib/memo.ts";
import { listParameters } from "../model/graphs.ts";
import type { Parameter } from "../model/parameter.ts";
import { contradictions, type ModelConfig } from "../model/schema.ts";
import { type NormSelection, norms } from "../norms/index.ts";
import type { NormStrategy } from "../norms/strategy.ts";
import { checkProtocol } from "../protocols/index.ts";
import { checkOptimizer } from "./check-optimizer.ts";
import { evaluationMetrics, metricKey, splitKey, unknownMetric } from "./evaluation-metrics.ts";
import { knownModel } from "./model-section.ts";
import {
  type EvalConfig,
  type EvalSection,
  FILE_KEYS,
  homeOfKey,
  type RunConfig,
  type SectionName,
  sectionNames,
  sections,
  type TrainConfig,
  type TrainSection,
  type TrainSizes,
  trainSizes,
} from "./schema.ts";
import { isPlainObject } from "./selection.ts";
import { keyMeant } from "./synonyms.ts";
import { didYouMean, unknownKey, wording } from "./wording.ts";

/** A mistake at a path of the values; whoever knows who wrote them finds the place. */
export interface Issue {
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** The key itself is wrong, not its value. */
  readonly atKey: boolean;
  /** The value that was found. */
  readonly input: unknown;
}

export interface Resolved {
  /** Every section that stands on its own and with the others; all of them where there are no issues. */
  readonly config: Partial<RunConfig>;
  readonly issues: readonly Issue[];
}

const KNOWN: readonly string[] = [...sectionNames, ...FILE_KEYS];

/** The init follows from the norm where it is absent; without Slurm nothing need be said of it. */
const NEEDED = sectionNames.filter((name) => name !== "init" && name !== "slurm");

/** `needed`: sections that must be there or have a default. The others are checked where they are. */
export function resolve(
  values: Readonly<Record<string, unknown>>,
  needed: readonly SectionName[] = NEEDED,
): Resolved {
  const issues: Issue[] = [];
  const issue = (path: Issue["path"], message: string, atKey = false) =>
    void issues.push({ path, message, atKey, input: undefined });

  for (const key of Object.keys(values)) {
    if (!KNOWN.includes(key)) issue([key], misplaced(key, KNOWN), true);
  }

  const parsed: Partial<Record<SectionName, unknown>> = {};
  for (const name of sectionNames) {
    const value = name === "init" ? writtenInit(values.init, parsed.norm as NormSelection) : values[name];
    if (value === undefined && !needed.includes(name)) continue;
    const found = parseSection[name](value);
    if (found.ok) parsed[name] = found.data;
    else issues.push(...found.issues);
  }

  const model = modelOf(values.model);
  const { norm } = parsed as Partial<RunConfig>;
  for (const { key, message } of model ? contradictions(model) : []) issue(["model", key], message);
  if (model && norm) {
    const { name, ...params } = norm;
    const wrong = (norms[name] as NormStrategy).check?.(params, model.n_layers);
    if (wrong !== undefined) issue(["norm"], wrong);
  }
  if (model && parsed.eval) checkProtocols(parsed.eval as EvalSection, model.seq_len, issue);
  if (parsed.eval) checkRankBy(parsed.eval as EvalSection, issue);
  const sizes = trainSizes.safeParse(values.train);
  if (sizes.success) checkSizes(sizes.data, model?.seq_len, issue);
  if (parsed.train) {
    for (const { path, message } of checkOptimizer(parsed.train as TrainSection, () =>
      parametersOf(parsed, issues),
    ))
      issue(["train", ...path], message);
  }

  if (model && parsed.train) parsed.train = completeTrain(parsed.train as TrainSection, model.seq_len);
  if (parsed.train && parsed.eval)
    parsed.eval = completeEval(parsed.eval as EvalSection, parsed.train as TrainConfig);

  const ordered = sectionNames
    .filter((name) => parsed[name] !== undefined)
    .map((name) => [name, parsed[name]]);
  return { config: freeze(Object.fromEntries(ordered)) as Partial<RunConfig>, issues };
}

type Parsed =
  | { readonly ok: true; readonly data: unknown }
  | { readonly ok: false; readonly issues: readonly Issue[] };

/** Each section by itself; what comes out is frozen, since several runs hold it. */
const parseSection = Object.fromEntries(
  sectionNames.map((name) => [
    name,
    memoize((value: unknown): Parsed => {
      const result = sections[name].safeParse(value, { error: wording, reportInput: true });
      return result.success
        ? { ok: true, data: freeze(result.data) }
        : { ok: false, issues: result.error.issues.flatMap((found) => fromZod(name, found)) };
    }),
  ]),
) as Readonly<Record<SectionName, (value: unknown) => Parsed>>;

const modelOf = memoize(knownModel);

/** Where the init has no name, it is the one of the norm strategy's source. */
function writtenInit(init: unknown, norm: NormSelection | undefined): unknown {
  if (init === undefined) return norm && norms[norm.name].init;
  if (!isPlainObject(init) || init.name !== undefined) return init;
  return norm && { name: norms[norm.name].init, ...init };
}

type Report = (path: readonly string[], message: string) => void;

function checkSizes(sizes: TrainSizes, seqLen: number | undefined, issue: Report): void {
  const { steps, tokens, batch_size, micro_batch_size } = sizes;
  if (steps === undefined && tokens === undefined) issue(["train", "steps"], "missing; give steps or tokens");
  if (batch_size === undefined) return;
  if (steps !== undefined && tokens !== undefined && seqLen !== undefined) {
    const amount = steps * batch_size * seqLen;
    const message = `give steps or tokens, not both: ${steps} steps are ${amount} tokens, not ${tokens}`;
    if (tokens !== amount) issue(["train", "tokens"], message);
  }
  if (micro_batch_size !== undefined && batch_size % micro_batch_size !== 0) {
    const message = `must divide batch_size: ${batch_size} / ${micro_batch_size} is not whole`;
    issue(["train", "micro_batch_size"], message);
  }
}

function checkRankBy({ rank_by: key, sets }: EvalSection, issue: Report): void {
  if (key === undefined) return;
  const known = evaluationMetrics(sets);
  const { split, name } = splitKey(key);
  if (!known.has(metricKey(split, name))) issue(["eval", "rank_by"], unknownMetric(key, known));
}

function checkProtocols({ sets = {} }: EvalSection, seqLen: number, issue: Report): void {
  for (const [name, { protocol }] of Object.entries(sets)) {
    const wrong = checkProtocol(protocol, seqLen);
    if (wrong !== undefined) issue(["eval", "sets", name, "protocol"], wrong);
  }
}

/** The parameters of the model, where nothing is known to be wrong with it and its norm. */
function parametersOf(
  { model, norm }: Partial<Record<SectionName, unknown>>,
  issues: readonly Issue[],
): readonly Parameter[] | undefined {
  const sound = !issues.some(({ path: [section] }) => section === "model" || section === "norm");
  if (model === undefined || norm === undefined || !sound) return undefined;
  return parametersWith(model as ModelConfig)(norm as NormSelection);
}

const parametersWith = memoize((model: ModelConfig) =>
  memoize((norm: NormSelection) => listParameters({ model, norm })),
);

function completeTrain(t: TrainSection, seqLen: number): TrainConfig {
  const { steps: given, tokens = 0, batch_size, micro_batch_size = batch_size, ...rest } = t;
  const steps = given ?? Math.ceil(tokens / (batch_size * seqLen));
  return { steps, tokens: steps * batch_size * seqLen, batch_size, micro_batch_size, ...rest };
}

const completeEval = ({ sets = {}, ...e }: EvalSection, train: TrainConfig): EvalConfig => ({
  ...e,
  batch_size: e.batch_size ?? train.micro_batch_size,
  ...(Object.keys(sets).length === 0
    ? {}
    : { sets: mapValues(sets, ({ tokens = e.tokens, ...set }) => ({ ...set, tokens })) }),
});

const mapValues = <A, B>(record: Readonly<Record<string, A>>, change: (value: A) => B): Record<string, B> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));

export function fromZod(section: string, found: z.core.$ZodIssue): readonly Issue[] {
  const path = [section, ...(found.path as (string | number)[])];
  const { input } = found;
  if (found.code !== "unrecognized_keys") return [{ path, message: found.message, atKey: false, input }];
  const lines = found.message.split("\n");
  return found.keys.map((key, i) => ({
    path: [...path, key],
    message: lines[i]!,
    atKey: true,
    input: undefined,
  }));
}

/** An unknown key of the top level may be a known key of a section. */
function misplaced(key: string, known: readonly string[]): string {
  const home = homeOfKey.get(key) ?? homeOfKey.get(keyMeant(key, [...homeOfKey.keys()]) ?? "");
  if (home !== undefined) return `${unknownKey("", known)}; did you mean ${home}?`;
  const near = keyMeant(key, known) !== undefined || didYouMean(key, known) !== "";
  const far = near ? "" : didYouMean(key, [...homeOfKey.keys()]);
  return `${unknownKey(key, known)}${far}`;
}

/** Frozen through and through. */
export function freeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value)) freeze(inner);
  return Object.freeze(value);
}
