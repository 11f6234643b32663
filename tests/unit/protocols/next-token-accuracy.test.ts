/** Loss and accuracy of packed windows, of the tokens that have enough before them. */
import { describe, expect, test } from "vitest";
import { reference } from "../../../src/backends/reference/reference.ts";
import type { Corpus } from "../../../src/data/corpus.ts";
import { evaluationGraph, tokenLossesGraph } from "../../../src/model/graphs.ts";
import { plan } from "../../../src/plan/plan.ts";
import { protocolLabel } from "../../../src/protocols/index.ts";
import { nextTokenAccuracy } from "../../../src/protocols/next-token-accuracy.ts";
import { packedV1 } from "../../../src/protocols/packed-v1.ts";
import type { ScoredRow } from "../../../src/protocols/protocol.ts";
import { evaluate } from "../../../src/train/evaluate.ts";
import { initialize } from "../../../src/train/initialize.ts";
import { expectClose } from "../close.ts";
import { configOf, corpusOf } from "../train/markov-run.ts";

const WINDOWS = [Int32Array.of(0, 1, 2, 3), Int32Array.of(3, 3, 1, 0)];
/** Two windows of three predictions; an id stands for as many bytes as its number says, and half of one. */
const corpus = {
  validation: () => ({
    windows: 2,
    window: (i: number) => WINDOWS[i]!,
    bytesOf: (id: number) => id + 0.5,
    sha256: "the windows'",
  }),
} as unknown as Corpus;
const of = (min_context: number) =>
  nextTokenAccuracy.slice(corpus, { seqLen: 3, maxTokens: 6 }, { min_context });

async function* rows(): AsyncGenerator<ScoredRow> {
  const weights = (i: number) => of(2).weights!(i);
  yield { index: 0, weights: weights(0), losses: [50, 1, 2], correct: [1, 1, 0] };
  yield { index: 1, weights: weights(1), losses: [50, 0.5, 0.25], correct: [0, 1, 1] };
}

describe("next-token-accuracy", () => {
  test("counts the tokens that have so many before them, and their bytes", () => {
    expect(Array.from(of(1).weights!(0))).toEqual([1, 1, 1]);
    expect(Array.from(of(2).weights!(1))).toEqual([0, 1, 1]);
    expect(Array.from(of(3).weights!(0))).toEqual([0, 0, 1]);
    expect([of(1).tokens, of(2).tokens, of(3).tokens]).toEqual([6, 4, 2]);
    expect([of(1).utf8Bytes, of(2).utf8Bytes, of(3).utf8Bytes]).toEqual([13, 8, 4]); // 10 + 3, 6 + 2, 3 + 1
  });

  test("loss, perplexity, bits per byte and accuracy are of those alone", async () => {
    const slice = of(2);
    if (!("scoreTokens" in slice)) throw new Error("not by tokens");
    const scores = await slice.scoreTokens(rows());
    expect(scores).toEqual({
      loss: 3.75 / 4,
      ppl: Math.exp(3.75 / 4),
      bits_per_byte: 3.75 / Math.LN2 / 8,
      accuracy: 3 / 4,
    });
  });

  test("from the first token on it is packed-v1 with an accuracy, on a model too", async () => {
    const config = configOf({ norm: { name: "hybrid" } });
    const real = await corpusOf(config);
    const bounds = { seqLen: 8, maxTokens: 56 };
    const packed = packedV1.slice(real, bounds, {});
    const device = await reference.open({});
    const { graph, parameters } = evaluationGraph(config, { batch: 3, logits: true });
    initialize(device, parameters, config.model, { name: "normal", std: 1 }, 1);
    const sums = await device.compile(plan(graph));
    const want = await evaluate(sums, packed, 3);
    for (const batch of [1, 3, 9]) {
      const tokens = tokenLossesGraph(config, { batch }, ["losses", "correct"]);
      const program = await device.compile(plan(tokens.graph));
      const all = nextTokenAccuracy.slice(real, bounds, { min_context: 1 });
      const got = await evaluate(program, all, batch);
      expect([got.tokens, got.bytes, all.sha256]).toEqual([want.tokens, want.bytes, packed.sha256]);
      for (const name of ["loss", "ppl", "bits_per_byte"])
        expectClose([got.scores[name]!], [want.scores[name]!]);
      expect(got.scores.accuracy).toBe(await accuracyOf(8));
      const late = await evaluate(program, nextTokenAccuracy.slice(real, bounds, { min_context: 6 }), batch);
      expect(late.scores.accuracy).toBe(await accuracyOf(3));
      expect(late.tokens).toBe(7 * 3);
    }

    /** By the logits, of the last `count` predictions of each window. */
    async function accuracyOf(count: number): Promise<number> {
      let right = 0;
      for (let i = 0; i < packed.rows; i++) {
        const row = packed.row(i);
        const ids = Int32Array.of(...row.slice(0, 8), ...new Int32Array(16));
        const feeds = { ids, targets: ids, weights: new Float64Array(24) };
        const { logits } = await sums.run(feeds);
        for (let t = 8 - count; t < 8; t++) {
          const scores = [...logits!.slice(t * 4, t * 4 + 4)];
          if (scores.indexOf(Math.max(...scores)) === row[t + 1]) right++;
        }
      }
      return right / (packed.rows * count);
    }
  });

  test("names its context where it is not the usual one", () => {
    expect(protocolLabel({ name: "next-token-accuracy" })).toBe("next-token-accuracy");
    expect(protocolLabel({ name: "next-token-accuracy", min_context: 16 })).toBe(
      "next-token-accuracy[min_context=16]",
    );
  });
});
