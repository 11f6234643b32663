/**
 * What makes two runs the same: a hash over everything that decides a run's results, and nothing else.
 * Left out: the sweep's name, description and file; how the machine does the work (engine.threads,
 * train.micro_batch_size, train.recompute, eval.batch_size); what is written when (log, eval.every, checkpoint); where it waits
 * for its turn (slurm). Of a mixture of experts the micro-batch counts after all: its routers' losses are the
 * micro-batch's. The engine's name counts as written, eval.tokens and eval.sets too: they decide the numbers
 * that are reported.
 * A field that may be left out without changing the meaning is left out, so that a field added later, with a
 * default that means "as before", changes no id.
 */
import { isDeepStrictEqual } from "node:util";
import { resolve } from "../config/resolve.ts";
import type { RunConfig } from "../config/schema.ts";
import { isPlainObject } from "../config/selection.ts";
import { sha256 } from "../lib/hash.ts";

/** Raised when the meaning of an existing field or the value of a default changes. */
const VERSION = 1;

type Values = Readonly<Record<string, unknown>>;

/** sha256 in hex. */
export const identityOf = (config: RunConfig): string => identities()(config);

/** The fields that count, without those at their default. */
export const essentialFields = (config: RunConfig): Values => essentials()(config);

/** `identityOf` for many runs: what they have in common is looked at once. */
export function identities(): (config: RunConfig) => string {
  const essentialOf = essentials();
  return (config) => sha256(canonicalJson({ version: VERSION, ...inFormerWords(essentialOf(config)) }));
}

/** A value that was renamed, by the path of its field: an id has the word of before. */
const FORMER_WORDS: readonly (readonly [path: readonly string[], now: string, before: string])[] = [
  [["model", "moe", "loss_normalization"], "standard", "usual"],
];

const inFormerWords = (values: Values): Values =>
  FORMER_WORDS.reduce((found, [path, now, before]) => replaced(found, path, now, before) as Values, values);

function replaced(value: unknown, [key, ...rest]: readonly string[], now: string, before: string): unknown {
  if (key === undefined) return value === now ? before : value;
  if (!isPlainObject(value) || !Object.hasOwn(value, key)) return value;
  return { ...value, [key]: replaced(value[key], rest, now, before) };
}

/** The fields that count, each written out. */
export function identityFields({
  engine,
  log: _log,
  checkpoint: _checkpoint,
  slurm: _slurm,
  ...config
}: RunConfig) {
  const { micro_batch_size, recompute: _recompute, ...train } = config.train;
  const micro = config.model.moe === undefined ? {} : { micro_batch_size };
  const { tokens, sets } = config.eval;
  return {
    ...config,
    engine: { name: engine.name },
    train: { ...train, ...micro },
    eval: { tokens, ...(sets === undefined ? {} : { sets }) },
  };
}

/** Fields of `train` that decide together how long it is, with the context's length; every other stands by itself. */
const SIZES = ["steps", "tokens", "batch_size", "micro_batch_size"];

/**
 * Whether fields may be left out depends on them and the few they are resolved with: the answer is remembered for those.
 * A section is such a piece (an init hangs on the norm besides); `train` falls into its sizes and its other fields.
 */
function essentials(): (config: RunConfig) => Values {
  const known = new Map<string, Values>();
  return (config) => {
    const all = identityFields(config);
    const piece = (values: Values, besides: unknown, put: (left: Values) => Values): Values => {
      const key = JSON.stringify([values, besides]);
      const before = known.get(key);
      if (before !== undefined) return before;
      const meaning = resolve(all).config;
      const left = withoutDefaults(values, (fewer) => isDeepStrictEqual(resolve(put(fewer)).config, meaning));
      known.set(key, left);
      return left;
    };
    const { train, ...others } = all;
    const sections = Object.entries(others).map(([name, section]) => {
      const besides = name === "init" ? config.norm.name : null;
      return piece({ [name]: section }, besides, (left) => ({ ...omit(all, [name]), ...left }));
    });
    const inTrain = (values: Values, besides: unknown) =>
      piece(values, besides, (left) => ({ ...all, train: { ...omit(train, Object.keys(values)), ...left } }));
    const sizes = Object.fromEntries(Object.entries(train).filter(([key]) => SIZES.includes(key)));
    const alone = Object.entries(train).filter(([key]) => !SIZES.includes(key));
    const fields = [
      inTrain(sizes, config.model.seq_len),
      ...alone.map(([key, value]) => inTrain({ [key]: value }, null)),
    ];
    return Object.assign({}, ...sections, { train: Object.assign({}, ...fields) }) as Values;
  };
}

const omit = (values: Values, keys: readonly string[]): Values =>
  Object.fromEntries(Object.entries(values).filter(([key]) => !keys.includes(key)));

/** Takes away, from the top down, every field without which `same` still holds. */
function withoutDefaults(values: Values, same: (values: Values) => boolean): Values {
  let left = values;
  for (const key of Object.keys(values).sort()) {
    const { [key]: value, ...others } = left;
    if (same(others)) left = others;
    else if (isPlainObject(value)) {
      const inner = withoutDefaults(value, (changed) => same({ ...left, [key]: changed }));
      left = { ...left, [key]: inner };
    } else if (Array.isArray(value)) {
      const inner = itemsWithoutDefaults(value, (changed) => same({ ...left, [key]: changed }));
      left = { ...left, [key]: inner };
    }
  }
  return left;
}

/** The same within the mappings of a list; the list keeps all its items. */
function itemsWithoutDefaults(
  items: readonly unknown[],
  same: (items: readonly unknown[]) => boolean,
): readonly unknown[] {
  return items.reduce<readonly unknown[]>((left, item, i) => {
    if (!isPlainObject(item)) return left;
    return left.with(
      i,
      withoutDefaults(item, (changed) => same(left.with(i, changed))),
    );
  }, items);
}

/** JSON with sorted keys and no spaces. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    isPlainObject(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
