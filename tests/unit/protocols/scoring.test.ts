/** What protocols may ask for: masks, weights, groups, choices; on hand-made losses and on a model. */
import { describe, expect, test } from "vitest";
import type { Program } from "../../../src/backends/backend.ts";
import { reference } from "../../../src/backends/reference/reference.ts";
import type { Corpus } from "../../../src/data/corpus.ts";
import { evaluationGraph, tokenLossesGraph } from "../../../src/model/graphs.ts";
import { plan } from "../../../src/plan/plan.ts";
import { metrics, protocols } from "../../../src/protocols/index.ts";
import type { EvalProtocol, ScoredRow, Slice } from "../../../src/protocols/protocol.ts";
import { weightedSums } from "../../../src/protocols/weighted-sums.ts";
import { evaluate } from "../../../src/train/evaluate.ts";
import { initialize } from "../../../src/train/initialize.ts";
import { expectClose } from "../close.ts";
import { configOf, corpusOf } from "../train/markov-run.ts";
import { type Item, multipleChoice } from "./multiple-choice.ts";

async function* scored(...rows: readonly Omit<ScoredRow, "index">[]): AsyncGenerator<ScoredRow> {
  for (const [index, row] of rows.entries()) yield { index, ...row };
}
const bounds = { seqLen: 8, maxTokens: 1000 };

describe("metrics", () => {
  test("a name means the same in every protocol, and is no other column of eval.csv", () => {
    for (const { metrics: own } of Object.values<EvalProtocol>(protocols))
      for (const [name, metric] of Object.entries(own)) {
        expect(metrics.get(name), name).toEqual(metric);
        expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
        expect(["step", "protocol", "split", "n_tokens", "n_bytes", "train_loss"]).not.toContain(name);
        if (metric.follows !== undefined) expect(Object.keys(own)).toContain(metric.follows);
      }
  });
});

describe("weighted sums", () => {
  test("are of the tokens that count, each times its weight", () => {
    const row = { index: 0, weights: [0, 1, 0.5], losses: [9, 2, 3], correct: [0, 1, 1] };
    expect(weightedSums(row)).toEqual({ weight: 1.5, nats: 3.5, correct: 1.5 });
  });

  test("a loss that is not a number is one only where it counts", () => {
    const row = { index: 0, weights: [0, 1], losses: [Number.NaN, 2], correct: [] };
    expect(weightedSums(row)).toEqual({ weight: 1, nats: 2, correct: 0 });
    expect(weightedSums({ ...row, weights: [1, 1] }).nats).toBeNaN();
  });
});

describe("multiple choice", () => {
  // Of the first item the sum prefers choice 0, per token 1, per byte 2; of the second all prefer 0, which is right.
  const items: readonly Item[] = [
    { context: [1, 2], choices: [[3], [3, 3], [1, 2]], bytes: [1, 2, 12], gold: 1 },
    { context: [1], choices: [[2], [3]], bytes: [4, 4], gold: 0 },
  ];
  const slice = multipleChoice(items).slice({} as Corpus, bounds, {});

  test("reads contexts and counts choices", () => {
    expect(slice.rows).toBe(5);
    expect([...slice.row(2)]).toEqual([1, 2, 1, 2]);
    expect(slice.weights?.(2)).toEqual([0, 1, 1]);
    expect(slice.weights?.(3)).toEqual([1]);
    expect(slice.seqLen).toBe(3);
    expect([slice.tokens, slice.utf8Bytes]).toEqual([7, 23]);
  });

  test("by the sum, per token and per byte, and exact where every token is greedy", async () => {
    const rows = scored(
      { weights: [0, 1], losses: [100, 2], correct: [0, 1] },
      { weights: [0, 1, 1], losses: [100, 1, 1.5], correct: [0, 1, 0] },
      { weights: [0, 1, 1], losses: [100, 3, 4], correct: [0, 0, 0] },
      { weights: [1], losses: [0.5], correct: [1] },
      { weights: [1], losses: [1], correct: [0] },
    );
    if (!("scoreTokens" in slice)) throw new Error("not by tokens");
    expect(await slice.scoreTokens(rows)).toEqual({
      acc: 1 / 2,
      acc_per_token: 2 / 2,
      acc_per_byte: 1 / 2,
      exact: 1 / 2,
      bits_per_byte: 3 / Math.LN2 / 6,
    });
  });

  test("on a model, whatever the engine's batch: rows of different lengths are each as if alone", async () => {
    const { programs, logp } = await opened(slice.seqLen);
    const results = [];
    for (const batch of [1, 2, 5, 8])
      results.push((await evaluate(await programs(batch), slice, batch)).scores);
    for (const result of results) expect(result).toEqual(results[0]);
    let [nats, bytes] = [0, 0];
    for (const { context, choices, gold, bytes: sizes } of items) {
      const [ids, of] = [[...context, ...choices[gold]!], choices[gold]!.length];
      for (let i = ids.length - of; i < ids.length; i++) nats -= await logp(ids.slice(0, i), ids[i]!);
      bytes += sizes[gold]!;
    }
    expectClose([results[0]!.bits_per_byte!], [nats / Math.LN2 / bytes]);
  });
});

test("sums of groups take weights too: they are what the tokens' own losses add up to", async () => {
  const rows = [Int32Array.of(1, 2, 3, 0), Int32Array.of(3, 1), Int32Array.of(0, 1, 2)];
  const weights = [[0, 2, 0.25], [1], [0.5, 0]];
  const shared = {
    seqLen: 3,
    rows: rows.length,
    row: (i: number) => rows[i]!,
    weights: (i: number) => weights[i]!,
    tokens: 5,
    utf8Bytes: 5,
    sha256: "",
  };
  const { programs, sums } = await opened(shared.seqLen);
  const groups: Slice = {
    ...shared,
    groupRows: 2,
    scoreGroups: (all) =>
      Object.fromEntries(
        all.flatMap((g, i) => [
          [`nats ${i}`, g.nats],
          [`of ${i}`, g.tokens],
        ]),
      ),
  };
  const tokens: Slice = {
    ...shared,
    perToken: ["losses"],
    async scoreTokens(all) {
      const found = [];
      for await (const row of all) {
        expect([row.correct.length, row.losses.length]).toEqual([0, row.weights.length]);
        found.push(weightedSums(row));
      }
      const [a, b, c] = found as [(typeof found)[0], (typeof found)[0], (typeof found)[0]];
      return {
        "nats 0": a.nats + b.nats,
        "of 0": a.weight + b.weight,
        "nats 1": c.nats,
        "of 1": c.weight,
      };
    },
  };
  for (const batch of [1, 2, 3]) {
    const got = (await evaluate(await sums(batch), groups, batch)).scores;
    const want = (await evaluate(await programs(batch, ["losses"]), tokens, batch)).scores;
    expect([got["of 0"], got["of 1"]]).toEqual([3.25, 0.5]);
    for (const name of Object.keys(want)) expectClose([got[name]!], [want[name]!]);
  }
});

/** A tiny model of four ids on the reference, initialized: its evaluation programs, and log p of an id after others. */
async function opened(seqLen: number) {
  const config = configOf({ norm: { name: "hybrid" } });
  const device = await reference.open({});
  const { parameters } = evaluationGraph(config, { batch: 1, seqLen });
  initialize(device, parameters, config.model, { name: "normal", std: 1 }, 1);
  return {
    programs: (
      batch: number,
      wanted: readonly ("losses" | "correct")[] = ["losses", "correct"],
    ): Promise<Program> => device.compile(plan(tokenLossesGraph(config, { batch, seqLen }, wanted).graph)),
    sums: (batch: number): Promise<Program> =>
      device.compile(plan(evaluationGraph(config, { batch, seqLen }).graph)),
    async logp(before: readonly number[], id: number) {
      const { graph } = evaluationGraph(config, { batch: 1, seqLen: before.length, logits: true });
      const program = await device.compile(plan(graph));
      const feeds = { ids: Int32Array.from(before), targets: Int32Array.from(before) };
      const { logits } = await program.run({ ...feeds, weights: new Float64Array(before.length) });
      const last = [...logits!.slice(-config.model.vocab_size)];
      return last[id]! - Math.log(last.reduce((sum, x) => sum + Math.exp(x), 0));
    },
  };
}

test("every protocol gives the numbers it declares, and no others", async () => {
  const config = configOf({ model: { seq_len: 8 } });
  const corpus = await corpusOf(config);
  const { packed, accuracy } = {
    packed: protocols["packed-v1"].slice(corpus, bounds, {}),
    accuracy: protocols["next-token-accuracy"].slice(corpus, bounds, { min_context: 3 }),
  };
  const { programs, sums } = await opened(8);
  const names = async (slice: Slice, program: Program) =>
    Object.keys((await evaluate(program, slice, 4)).scores);
  expect(await names(packed, await sums(4))).toEqual(Object.keys(protocols["packed-v1"].metrics));
  expect(await names(accuracy, await programs(4))).toEqual(
    Object.keys(protocols["next-token-accuracy"].metrics),
  );
});
