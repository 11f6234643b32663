/** What scripts/oracle/make_evaluation.py left: a model, windows of tokens, and PyTorch's numbers of them. */
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import type { Engine } from "../src/backends/backend.ts";
import type { Corpus } from "../src/data/corpus.ts";
import { readSafetensors } from "../src/lib/safetensors.ts";
import { completeModel, modelSchema } from "../src/model/schema.ts";
import { nextTokenAccuracy } from "../src/protocols/next-token-accuracy.ts";
import type { ScoredRow } from "../src/protocols/protocol.ts";
import { evaluators } from "../src/train/evaluation-sets.ts";

const read = (file: string) => new URL(`fixtures/evaluation/${file}`, import.meta.url).pathname;
const json = (file: string) => JSON.parse(readFileSync(read(file), "utf8"));

const { norm: name, model } = parse(readFileSync(read("config.yaml"), "utf8"));
const windows: readonly (readonly number[])[] = json("windows.json");

/** `protocols`: the numbers of next-token-accuracy by its min_context. */
export const expected: {
  readonly losses: readonly (readonly number[])[];
  readonly correct: readonly (readonly number[])[];
  readonly protocols: Readonly<Record<string, Readonly<Record<string, number>>>>;
} = json("expected.json");

const corpus = {
  validation: () => ({
    windows: windows.length,
    window: (i: number) => Int32Array.from(windows[i]!),
    bytesOf: (id: number) => 1 + (id % 3),
    sha256: "",
  }),
} as unknown as Corpus;

/** What an engine makes of it, `batch` windows at a time: every row as the protocol sees it, and the protocol's numbers. */
export async function evaluated(engine: Engine, minContext: number, batch: number) {
  const spec = { model: completeModel(modelSchema.parse(model)), norm: { name } };
  const bounds = { seqLen: spec.model.seq_len, maxTokens: 1000 };
  const slice = nextTokenAccuracy.slice(corpus, bounds, { min_context: minContext });
  if (!("scoreTokens" in slice)) throw new Error("not by tokens");
  const rows: ScoredRow[] = [];
  const seen: typeof slice = {
    ...slice,
    scoreTokens: (all) =>
      slice.scoreTokens(
        (async function* () {
          for await (const row of all) {
            rows.push(row);
            yield row;
          }
        })(),
      ),
  };
  const device = await engine.open({ threads: 2 });
  try {
    for (const [tensor, { shape, values }] of await readSafetensors(read("weights.safetensors")))
      device.write(tensor, shape, values as Float32Array);
    const set = { split: "validation", protocol: "next-token-accuracy", metrics: {}, slice: seen, corpus };
    const [evaluator] = await evaluators(device, engine, { ...spec, eval: { batch_size: batch } } as never, [
      set,
    ]);
    const { scores } = await evaluator!.evaluate(1);
    return { rows, scores };
  } finally {
    await device.close();
  }
}
