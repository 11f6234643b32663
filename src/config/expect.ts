/**
 * The `expect:` section: what a file claims of its own sweep, for `hnorm verify` to check against the finished runs. Here a
 * list of values becomes a list of claims; which arms they are about is known once the runs are: see sweep/expected-arms.ts.
 * It decides nothing of what a run computes.
 */
import { z } from "zod";
import { MAIN, splitKey } from "./evaluation-metrics.ts";
import { fromZod, type Issue } from "./resolve.ts";
import { isPlainObject } from "./selection.ts";
import { wording } from "./wording.ts";

/**
 * What may be claimed of the corpus's own validation split, or with `set` of another, under the names of results.csv: nats per
 * token, e to the power of that, bits per UTF-8 byte; and nats per token of the last step's batch. Any metric of a set is
 * SET/METRIC.
 */
const METRICS = ["val_loss", "val_ppl", "val_bits_per_byte", "train_loss"] as const;

/** Swept keys and their values: `{norm: pre, train.lr: 0.001}`. */
export type Pattern = Readonly<Record<string, unknown>>;

/** The mean over the arm's seeds lies in [low, high]; `value` is what was published, where it is one number. */
export interface NumberClaim {
  readonly kind: "number";
  /** `val_loss`, `train_loss`; `accuracy` of a set. */
  readonly metric: string;
  /** One of eval.sets; absent: the corpus's own validation split. */
  readonly set?: string;
  readonly value?: number;
  readonly low?: number;
  readonly high?: number;
}

/** The arm is better than another by more than `by`, over the seeds that both have. */
export interface OrderClaim {
  readonly kind: "order";
  /** Absent: of `set` the loss, without one what runs are ranked by. */
  readonly metric?: string;
  readonly set?: string;
  readonly than: Pattern;
  readonly by: number;
}

/** All of the arm's runs diverge, or none does. */
export interface OutcomeClaim {
  readonly kind: "outcome";
  readonly diverges: boolean;
}

/** All of the arm's runs end at the loss of token frequencies, or none does. */
export interface StuckClaim {
  readonly kind: "stuck";
  readonly stuck: boolean;
}

export type Claim = NumberClaim | OrderClaim | OutcomeClaim | StuckClaim;

export interface Expectation {
  /** Its place in the list, from 0. */
  readonly at: number;
  /** Absent: every arm. */
  readonly arm?: Pattern;
  readonly claim: Claim;
  /** Where the claim comes from. */
  readonly source?: string;
  /** Why it is not met here, where that is known. */
  readonly known?: string;
}

const SHARE = /^\d+(\.\d+)?%$/;
const numberWords = "a number, or bounds such as {above: 1.2, below: 2.5}";
const withinWords = "a number >= 0 in the metric's unit, or a share such as 2%";
const patternWords = "a mapping of swept keys to values, such as {norm: pre}";

const bound = z.number().optional();
const measure = z
  .union([z.number(), z.strictObject({ above: bound, below: bound })])
  .describe(numberWords)
  .optional();
const pattern = z.record(z.string(), z.unknown()).describe(patternWords).optional();
const text = z.string().min(1).optional();

const entry = z
  .strictObject({
    arm: pattern,
    ...(Object.fromEntries(METRICS.map((metric) => [metric, measure])) as Record<
      (typeof METRICS)[number],
      typeof measure
    >),
    within: z
      .union([z.number().min(0).describe(withinWords), z.string().regex(SHARE).describe(withinWords)])
      .describe(withinWords)
      .optional(),
    set: text,
    better_than: pattern,
    metric: text,
    by: z.number().min(0).optional(),
    diverges: z.boolean().optional(),
    stuck: z.boolean().optional(),
    source: text,
    known: text,
  })
  .describe("a mapping such as {arm: {norm: pre}, val_ppl: 26.8, within: 2%}");
type Written = z.output<typeof entry>;
type Bounds = Exclude<z.output<typeof measure>, number | undefined>;

const CLAIMS = [...METRICS, "better_than", "diverges", "stuck"] as const;
/** Keys that name a set's metric. */
const ofSets = (one: Readonly<Record<string, unknown>>): readonly string[] =>
  Object.keys(one).filter((key) => key.includes("/"));
const section = z.array(entry).describe("a list of expectations");

/** `value`: what stands under `expect`, undefined where nothing does. What has an issue is not among the claims. */
export function readExpectations(value: unknown): {
  readonly expectations: readonly Expectation[];
  readonly issues: readonly Issue[];
} {
  if (value === undefined) return { expectations: [], issues: [] };
  const written: readonly unknown[] = Array.isArray(value) ? value : [];
  const parsed = section.safeParse(Array.isArray(value) ? written.map(withoutSets) : value, {
    error: wording,
    reportInput: true,
  });
  const issues = parsed.success ? [] : parsed.error.issues.flatMap((found) => fromZod("expect", found));
  issues.push(...written.flatMap((one, at) => (isPlainObject(one) ? wrongMeasures(one, at) : [])));
  issues.push(...written.flatMap((one, at) => (isPlainObject(one) ? contradictions(one, at) : [])));
  const good = written.flatMap((one, at) => (issues.some(({ path }) => path[1] === at) ? [] : [{ one, at }]));
  return { expectations: good.map(({ one, at }) => expectation(one as Written, at)), issues };
}

/** An entry less its keys of sets, which no schema can list. */
const withoutSets = (one: unknown): unknown =>
  isPlainObject(one)
    ? Object.fromEntries(Object.entries(one).filter(([key]) => !ofSets(one).includes(key)))
    : one;

function wrongMeasures(one: Readonly<Record<string, unknown>>, at: number): readonly Issue[] {
  return ofSets(one).flatMap((key) => {
    const parsed = measure.safeParse(one[key], { error: wording, reportInput: true });
    const found = parsed.success ? [] : parsed.error.issues;
    return found.flatMap((issue) => fromZod("expect", { ...issue, path: [at, key, ...issue.path] }));
  });
}

/** What its keys say against each other, whatever their values are. */
function contradictions(one: Readonly<Record<string, unknown>>, at: number): readonly Issue[] {
  const issues: Issue[] = [];
  const issue = (path: readonly string[], message: string, atKey = true) =>
    void issues.push({ path: ["expect", at, ...path], message, atKey, input: undefined });
  const has = (key: string) => one[key] !== undefined;
  const [claim, ...others] = [...CLAIMS.filter(has), ...ofSets(one)];
  const misspelt = Object.keys(one).some((key) => !Object.hasOwn(entry.shape, key) && !key.includes("/"));
  if (claim === undefined && !misspelt)
    issue([], `nothing to check; give one of ${CLAIMS.join(", ")}, or SET/METRIC`);
  for (const other of others) issue([other], `one claim per expectation; this one already has ${claim}`);
  const number = METRICS.find(has) ?? ofSets(one)[0];
  const bounds = number === undefined ? undefined : one[number];
  if (typeof bounds === "number" && !has("within"))
    issue(["within"], `missing; expected ${withinWords}: the tolerance around ${bounds}`, false);
  if (has("within") && (bounds === undefined || isPlainObject(bounds)))
    issue(["within"], "only with a target value");
  if (isPlainObject(bounds)) {
    const { above, below } = bounds;
    if (above === undefined && below === undefined) issue([number!], "expected above, below or both", false);
    if (typeof above === "number" && typeof below === "number" && above >= below)
      issue([number!, "above"], `must be less than below, ${below}; got ${above}`, false);
  }
  for (const key of ["by", "metric"])
    if (!has("better_than") && has(key)) issue([key], "only with better_than");
  if (has("set") && (has("metric") || ofSets(one).length > 0))
    issue(["set"], `${has("metric") ? "metric" : claim} names its set`);
  if (has("set") && (claim === "train_loss" || claim === "diverges" || claim === "stuck"))
    issue(["set"], `${claim} is not measured on a validation set`);
  return issues;
}

const expectation = (written: Written, at: number): Expectation => ({
  at,
  ...defined({ arm: written.arm, source: written.source, known: written.known }),
  claim: claimOf(written),
});

function claimOf(written: Written): Claim {
  const { better_than: than, by = 0, diverges, stuck, within = 0 } = written;
  if (stuck !== undefined) return { kind: "stuck", stuck };
  if (diverges !== undefined) return { kind: "outcome", diverges };
  if (than !== undefined) {
    const about = written.metric === undefined ? { set: written.set } : named(written.metric);
    return { kind: "order", ...defined(about), than, by };
  }
  const key = METRICS.find((name) => written[name] !== undefined) ?? ofSets(written)[0]!;
  const { metric, set } = key.includes("/") ? named(key) : { metric: key, set: written.set };
  const value = (written as Readonly<Record<string, unknown>>)[key] as number | Bounds;
  if (typeof value === "object")
    return { kind: "number", metric, ...defined({ set, low: value.above, high: value.below }) };
  const far = typeof within === "number" ? within : (Math.abs(value) * Number.parseFloat(within)) / 100;
  return { kind: "number", metric, ...defined({ set }), value, low: value - far, high: value + far };
}

/** A claim's metric as its protocol calls it: `loss` for `val_loss`. */
export const bareName = (metric: string): string => metric.replace(/^val_/, "");

/** A set's metric; of the corpus's own split under the name of results.csv. */
export function named(key: string): { readonly metric: string; readonly set: string | undefined } {
  const { split, name } = splitKey(key);
  return split === MAIN ? { metric: `val_${name}`, set: undefined } : { metric: name, set: split };
}

/** Without what is undefined. */
const defined = <T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
