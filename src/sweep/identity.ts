/**
 * What makes two runs the same: a hash over everything that decides a run's results, and nothing else.
 * Left out: the sweep's name, description and file; how the machine does the work (engine.threads,
 * train.micro_batch_size, eval.batch_size); what is written when (log, eval.every, checkpoint); where it waits
 * for its turn (slurm). The engine's name counts as written, eval.tokens and eval.sets too: they decide the numbers
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
export function identityOf(config: RunConfig): string {
  return sha256(canonicalJson({ version: VERSION, ...essential(config) }));
}

/** The fields that count, without those at their default. */
export function essential({ engine, log: _l, checkpoint: _c, slurm: _s, ...config }: RunConfig): Values {
  const { micro_batch_size: _micro, ...train } = config.train;
  const { tokens, sets } = config.eval;
  const counting = {
    ...config,
    engine: { name: engine.name },
    train,
    eval: { tokens, ...(sets === undefined ? {} : { sets }) },
  };
  const meaning = resolve(counting).config;
  return withoutDefaults(counting, (values) => isDeepStrictEqual(resolve(values).config, meaning));
}

/** Takes away, from the top down, every field without which `same` still holds. */
function withoutDefaults(values: Values, same: (values: Values) => boolean): Values {
  let left = values;
  for (const key of Object.keys(values).sort()) {
    const { [key]: value, ...others } = left;
    if (same(others)) left = others;
    else if (isPlainObject(value)) {
      const inner = withoutDefaults(value, (changed) => same({ ...left, [key]: changed }));
      left = { ...left, [key]: inner };
    }
  }
  return left;
}

/** JSON with sorted keys and no spaces. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    isPlainObject(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
