/** `hnorm explain [NAME] [key=value ...]`: a strategy's or a norm function's equation, parameters and source. */

import type { Command } from "commander";
import type { z } from "zod";
import { wording } from "../../config/wording.ts";
import { UserError } from "../../lib/errors.ts";
import { jsonText } from "../../lib/json.ts";
import { nearest } from "../../lib/suggest.ts";
import { table } from "../../lib/table.ts";
import { presets } from "../../model/presets.ts";
import { completeModel, type ModelConfig, modelSchema } from "../../model/schema.ts";
import {
  type NormFunctionName,
  type NormFunctionSelection,
  normFunctions,
} from "../../norm-functions/index.ts";
import { type NormName, norms } from "../../norms/index.ts";
import type { NormStrategy } from "../../norms/strategy.ts";
import type { Io } from "../io.ts";
import { parseYamlOption } from "../options/parse-yaml-option.ts";
import { describeFunction } from "../tables/function-text.ts";
import { probesAsJson, probesText } from "../tables/probes-text.ts";
import { describeStrategy } from "../tables/strategy-text.ts";

interface Options {
  readonly preset: string;
  readonly layers?: string;
  readonly normType?: string;
  readonly probes?: boolean;
  readonly json?: boolean;
}

export function explainCommand(command: Command, io: Io): void {
  command
    .argument("[name]", "a strategy or a norm function; without one, all are listed")
    .argument("[params...]", "its parameters, as key=value")
    .option("--preset <name>", "the model whose parameters are counted", "dense-550m")
    .option("--layers <n>", "number of layers, instead of the preset's")
    .option("--norm-type <name>", "norm function, instead of the preset's")
    .option("--probes", "instead, what can be measured while a model trains (log.probes)")
    .option("--json", "as JSON")
    .action((name: string | undefined, params: readonly string[], options: Options) => {
      if (options.probes) io.out(options.json ? jsonText(probesAsJson(), 2) : probesText());
      else if (name !== undefined) io.out(describe(name, params, options));
      else io.out(options.json ? jsonText(listed(), 2) : list());
    });
}

/** What every thing that can be explained says of itself. */
type Explained = Pick<(typeof norms)[NormName], "summary" | "cite">;

const listed = (): object => ({
  norms: Object.entries<Explained & { readonly init: string }>(norms).map(
    ([name, { summary, cite, init }]) => ({
      name,
      summary,
      cite,
      init,
    }),
  ),
  norm_functions: Object.entries<Explained>(normFunctions).map(([name, { summary, cite }]) => ({
    name,
    summary,
    cite,
  })),
});

const list = (): string =>
  [
    table(Object.entries(norms), [
      { title: "norm", text: ([name]) => name, align: "left" },
      { title: "init", text: ([, s]) => s.init, align: "left" },
      { title: "what it does", text: ([, s]) => s.summary, align: "left" },
    ]),
    table(Object.entries<Explained>(normFunctions), [
      { title: "norm_type", text: ([name]) => name, align: "left" },
      { title: "what it does", text: ([, f]) => f.summary, align: "left" },
    ]),
  ].join("\n\n");

function describe(name: string, params: readonly string[], options: Options): string {
  if (Object.hasOwn(normFunctions, name)) {
    const { params: schema } = normFunctions[name as NormFunctionName];
    const own = numbersOf(`norm_type ${name}`, schema, params);
    const { d_model } = modelOf(options);
    return describeFunction({ name: name as NormFunctionName, ...own }, d_model, options);
  }
  if (!Object.hasOwn(norms, name)) throw new UserError(unknown(name));
  const { params: schema, example = {} } = norms[name as NormName] as NormStrategy<object>;
  const own = numbersOf(`norm ${name}`, schema, params, params.length > 0 ? {} : example);
  return describeStrategy({ name: name as NormName, ...own }, modelOf(options), options);
}

function unknown(name: string): string {
  const [strategies, functions] = [Object.keys(norms), Object.keys(normFunctions)];
  const guess = nearest(name, [...strategies, ...functions]);
  const hint = guess === undefined ? "" : `; did you mean ${guess}?`;
  return `unknown norm strategy or norm function ${name}; available: ${strategies.join(", ")}; and ${functions.join(", ")}${hint}`;
}

/** `key=value` words as numbers of a thing; a UserError where its schema does not take them. */
function numbersOf(what: string, schema: z.ZodType, words: readonly string[], from: object = {}): object {
  const given = words.map((text) => /^([^=]+)=(.*)$/s.exec(text)?.slice(1) ?? [text]);
  const bad = given.find((pair) => pair.length !== 2);
  if (bad !== undefined) throw new UserError(`${bad[0]}: expected key=value`);
  const own = {
    ...from,
    ...Object.fromEntries(given.map(([k, v]) => [k!, parseYamlOption(`${what}.${k}`, v!)])),
  };
  const checked = schema.safeParse(own, { error: wording, reportInput: true });
  if (checked.success) return own;
  const problems = checked.error.issues.map((i) => `${[what, ...i.path].join(".")}: ${i.message}`);
  throw new UserError(problems.join("\n"));
}

function modelOf({ preset: name, layers, normType }: Options): ModelConfig {
  const fields = (presets as Readonly<Record<string, object>>)[name];
  if (fields === undefined) {
    const guess = nearest(name, Object.keys(presets));
    const hint = guess === undefined ? "" : `; did you mean ${guess}?`;
    throw new UserError(`--preset: no model ${name}; there are ${Object.keys(presets).join(", ")}${hint}`);
  }
  const base = completeModel(modelSchema.parse(fields));
  const depth = layers === undefined ? base.n_layers : Number(layers);
  if (!Number.isInteger(depth) || depth < 1)
    throw new UserError(`--layers: got ${layers}; expected a whole number from 1`);
  return { ...base, n_layers: depth, norm_type: functionOf(normType) ?? base.norm_type };
}

function functionOf(text: string | undefined): NormFunctionSelection | undefined {
  if (text === undefined) return undefined;
  const checked = modelSchema.shape.norm_type.safeParse(parseYamlOption("--norm-type", text));
  if (checked.success) return checked.data;
  throw new UserError(checked.error.issues.map(({ message }) => `--norm-type: ${message}`).join("\n"));
}
