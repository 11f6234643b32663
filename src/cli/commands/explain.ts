/** `hnorm explain [NORM] [key=value ...]`: a strategy's equation, its map of the layers, its parameters, its source. */
import type { Command } from "commander";
import { wording } from "../../config/wording.ts";
import { size } from "../../graph/graph.ts";
import { UserError } from "../../lib/errors.ts";
import { count } from "../../lib/format.ts";
import { nearest } from "../../lib/suggest.ts";
import { table } from "../../lib/table.ts";
import { listParameters } from "../../model/graphs.ts";
import { presets } from "../../model/presets.ts";
import { completeModel, type ModelConfig, modelSchema } from "../../model/schema.ts";
import { explain } from "../../norms/explain.ts";
import { type NormName, type NormSelection, norms } from "../../norms/index.ts";
import type { NormStrategy } from "../../norms/strategy.ts";
import type { Io } from "../io.ts";
import { yamlWord } from "../options/yaml-word.ts";

interface Options {
  readonly preset: string;
  readonly layers?: string;
  readonly json?: boolean;
}

export function explainCommand(command: Command, io: Io): void {
  command
    .argument("[norm]", "a strategy; without one, all are listed")
    .argument("[params...]", "its parameters, as key=value")
    .option("--preset <name>", "the model whose parameters are counted", "dense-550m")
    .option("--layers <n>", "number of layers, instead of the preset's")
    .option("--json", "as JSON")
    .action((name: string | undefined, params: readonly string[], options: Options) => {
      io.out(name === undefined ? list() : describe(select(name, params), options));
    });
}

const list = (): string =>
  table(Object.entries<NormStrategy>(norms), [
    { title: "norm", text: ([name]) => name, align: "left" },
    { title: "init", text: ([, s]) => s.init, align: "left" },
    { title: "what it does", text: ([, s]) => s.summary, align: "left" },
  ]);

function select(name: string, params: readonly string[]): NormSelection {
  const strategy: NormStrategy | undefined = (norms as Record<string, NormStrategy>)[name];
  if (strategy === undefined) {
    const guess = nearest(name, Object.keys(norms));
    const hint = guess === undefined ? "" : `; did you mean ${guess}?`;
    throw new UserError(`unknown norm strategy ${name}; available: ${Object.keys(norms).join(", ")}${hint}`);
  }
  const given = params.map((text) => /^([^=]+)=(.*)$/s.exec(text)?.slice(1) ?? [text]);
  const bad = given.find((pair) => pair.length !== 2);
  if (bad !== undefined) throw new UserError(`${bad[0]}: expected key=value`);
  const own =
    given.length > 0
      ? Object.fromEntries(given.map(([k, v]) => [k!, yamlWord(`norm ${name}.${k}`, v!)]))
      : (strategy.example ?? {});
  const checked = strategy.params.safeParse(own, { error: wording, reportInput: true });
  if (!checked.success) {
    const problems = checked.error.issues.map((i) => `norm ${[name, ...i.path].join(".")}: ${i.message}`);
    throw new UserError(problems.join("\n"));
  }
  return { name: name as NormName, ...(own as object) };
}

function describe(norm: NormSelection, { preset, layers, json }: Options): string {
  const base = modelPreset(preset);
  const depth = layers === undefined ? base.n_layers : Number(layers);
  if (!Number.isInteger(depth) || depth < 1)
    throw new UserError(`--layers: got ${layers}; expected a whole number from 1`);
  const model = { ...base, n_layers: depth };
  const strategy: NormStrategy = norms[norm.name];
  const wrong = strategy.check?.(strategy.params.parse(withoutName(norm)), depth);
  if (wrong !== undefined) throw new UserError(`norm ${norm.name}: ${wrong}`);

  const { groups, map, embed, final } = explain(norm, depth);
  const parameters = listParameters({ model, norm });
  const total = parameters.reduce((sum, p) => sum + size(p.shape), 0);
  const active = Math.round(parameters.reduce((sum, p) => sum + size(p.shape) * p.active, 0));
  const gains = parameters.filter((p) => p.role === "norm").reduce((sum, p) => sum + size(p.shape), 0);
  if (json) {
    const facts = { ...norm, summary: strategy.summary, cite: strategy.cite, init: strategy.init };
    return JSON.stringify(
      {
        ...facts,
        preset,
        layers: depth,
        map,
        embed,
        final,
        groups,
        parameters: total,
        active_parameters: active,
        norm_parameters: gains,
      },
      null,
      2,
    );
  }
  const shown = groups.length > 4 ? [...groups.slice(0, 3), groups.at(-1)!] : groups;
  const blocks = shown.flatMap((g, i) => [
    ...(groups.length > 4 && i === 3 ? ["  ..."] : []),
    `  ${g.first === g.last ? `block ${g.first}` : `blocks ${g.first}-${g.last}`} (${g.glyph})`,
    ...g.equation.map((line) => `    ${line}`),
  ]);
  return [
    `${norm.name}${suffix(norm)}: ${strategy.summary}`,
    `source: ${strategy.cite}`,
    `init:   ${strategy.init}`,
    `layers: ${map}`,
    "",
    `  ${embed}`,
    ...blocks,
    `  ${final}`,
    "",
    "  A attention (its index: inner norms on queries, keys, values, context), F feed-forward, N a learned norm",
    "",
    `${preset}${layers === undefined ? "" : ` with ${depth} layers`}: ${total} parameters (${count(total)}), ${active < total ? `${active} (${count(active)}) for each token, ` : ""}${gains} of them norm gains`,
  ].join("\n");
}

function modelPreset(name: string): ModelConfig {
  const fields = (presets as Readonly<Record<string, object>>)[name];
  if (fields !== undefined) return completeModel(modelSchema.parse(fields));
  const guess = nearest(name, Object.keys(presets));
  const hint = guess === undefined ? "" : `; did you mean ${guess}?`;
  throw new UserError(`--preset: unknown preset ${name}; available: ${Object.keys(presets).join(", ")}${hint}`);
}

const withoutName = ({ name: _, ...own }: NormSelection): object => own;

function suffix(norm: NormSelection): string {
  const own = Object.entries(withoutName(norm)).map(([k, v]) => `${k}=${v}`);
  return own.length === 0 ? "" : ` (${own.join(", ")})`;
}
