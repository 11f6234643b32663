import { expect, test } from "vitest";
import { openCorpus } from "../../../src/data/corpus.ts";
import { dataSchema } from "../../../src/data/schema.ts";
import type { TokenSource } from "../../../src/data/source.ts";
import { markov } from "../../../src/data/sources/markov.ts";

const ctx = { baseDir: "/nowhere", cacheDir: "/nowhere" };
const source = async (params: object) => (await markov.open(markov.params.parse(params), ctx)) as TokenSource;
const corpus = (params: object) =>
  openCorpus(dataSchema.parse({ source: { name: "markov", ...params } }), ctx);

/** Shares of each next symbol after each symbol: [k][k]. */
function rowsOf(ids: Int32Array, k: number): number[][] {
  const rows = Array.from({ length: k }, () => Array<number>(k).fill(0));
  for (let t = 1; t < ids.length; t++) rows[ids[t - 1]!]![ids[t]!]! += 1;
  return rows.map((row) =>
    row.map(
      (n) =>
        n /
        Math.max(
          1,
          row.reduce((a, b) => a + b),
        ),
    ),
  );
}

const distance = (a: number[][], b: number[][]) =>
  Math.max(...a.flatMap((row, i) => row.map((p, j) => Math.abs(p - b[i]![j]!))));

test("a sequence is a pure function of seed, split and index, and a longer one begins with the shorter", async () => {
  const { sequence } = await source({ symbols: 8 });
  const ids = sequence(3, "train", 5, 100);
  expect(sequence(3, "train", 5, 100)).toEqual(ids);
  expect(sequence(3, "train", 5, 200).slice(0, 100)).toEqual(ids);
  for (const other of [
    sequence(4, "train", 5, 100),
    sequence(3, "validation", 5, 100),
    sequence(3, "train", 6, 100),
  ])
    expect(other).not.toEqual(ids);
  expect(ids.every((id) => id >= 0 && id < 8)).toBe(true);
});

test("golden: the first symbols of the default source", async () => {
  const { sequence } = await source({});
  expect([...sequence(0, "train", 0, 24)].join(" ")).toMatchInlineSnapshot(
    `"9 12 1 13 14 13 7 12 13 0 0 7 14 8 10 14 2 6 1 14 13 3 14 13"`,
  );
});

test("each sequence keeps one chain of its own: its halves agree, two sequences do not", async () => {
  const { sequence } = await source({ symbols: 4, concentration: 1 });
  const [a, b] = [sequence(0, "train", 0, 80_001), sequence(0, "train", 1, 80_001)];
  expect(distance(rowsOf(a.subarray(0, 40_001), 4), rowsOf(a.subarray(40_000), 4))).toBeLessThan(0.05);
  expect(distance(rowsOf(a, 4), rowsOf(b, 4))).toBeGreaterThan(0.2);
});

// E[sum_j p_j^2] = (a + 1) / (k a + 1) and E[sum_j p_j^3] = (a + 1)(a + 2) / ((k a + 1)(k a + 2)) for Dirichlet(a, ..., a).
test.each([0.7, 1, 5])("the rows are Dirichlet(%d)", async (concentration) => {
  const k = 4;
  const { sequence } = await source({ symbols: k, concentration });
  const rows = Array.from({ length: 300 }, (_, i) => rowsOf(sequence(1, "train", i, 4000), k)).flat();
  const moment = (power: number) =>
    rows.reduce((sum, row) => sum + row.reduce((s, p) => s + p ** power, 0), 0) / rows.length;
  const a = concentration;
  expect(Math.abs(moment(1) - 1)).toBeLessThan(0.01);
  expect(Math.abs(moment(2) - (a + 1) / (k * a + 1))).toBeLessThan(0.02);
  expect(Math.abs(moment(3) - ((a + 1) * (a + 2)) / ((k * a + 1) * (k * a + 2)))).toBeLessThan(0.02);
});

test("the optimal loss is the Dirichlet-multinomial likelihood of the sequence, in closed form", async () => {
  const [k, a] = [5, 0.3];
  const { sequence, optimalNats } = await source({ symbols: k, concentration: a });
  const ids = sequence(9, "validation", 0, 400);
  // ln Gamma(x + n) - ln Gamma(x) = sum of ln(x + i), i < n: no count is ever updated here.
  const rising = (x: number, n: number) =>
    Array.from({ length: n }, (_, i) => Math.log(x + i)).reduce((s, v) => s + v, 0);
  let logLikelihood = 0;
  for (let i = 0; i < k; i++) {
    const next = [...ids].flatMap((id, t) => (id === i && t + 1 < ids.length ? [ids[t + 1]!] : []));
    logLikelihood -= rising(k * a, next.length);
    for (let j = 0; j < k; j++) logLikelihood += rising(a, next.filter((id) => id === j).length);
  }
  expect(optimalNats(ids)).toBeCloseTo(-logLikelihood, 8);
});

test("no other predictor does as well: not the unigram, not the wrong concentration, not a shorter memory", async () => {
  const [k, a] = [16, 0.3];
  const set = (await corpus({ symbols: k, concentration: a })).validation(128);
  /** Nats per token of p(j | i) = (n_ij + b) / (n_i + k b) over the last `memory` transitions. */
  const loss = (b: number, memory: number) => {
    let nats = 0;
    for (let w = 0; w < set.windows; w++) {
      const ids = [...set.window(w)];
      for (let t = 1; t < ids.length; t++) {
        let [hits, visits] = [0, 0];
        for (let s = Math.max(1, t - memory); s < t; s++) {
          if (ids[s - 1] !== ids[t - 1]) continue;
          visits++;
          if (ids[s] === ids[t]) hits++;
        }
        nats -= Math.log((hits + b) / (visits + k * b));
      }
    }
    return nats / set.tokens;
  };
  const optimal = set.optimalLoss!;
  expect(loss(a, 128)).toBeCloseTo(optimal, 10);
  for (const worse of [loss(0.1, 128), loss(1, 128), loss(a, 32), Math.log(k)])
    expect(worse).toBeGreaterThan(optimal + 0.01);
  expect(set.unigramBitsPerByte).toBeCloseTo(4, 12);
});

test("as a corpus: fresh sequences without end, one validation set for every run", async () => {
  const one = await corpus({ symbols: 6 });
  expect(one.vocabSize).toBe(6);
  expect(one.describe()).toMatchObject({ tokenizer: null, trainTokens: null });
  const stream = one.train(10, 7);
  expect(stream.epochSamples).toBe(Number.POSITIVE_INFINITY);
  expect([...stream.batch(0, 4), ...stream.batch(1, 4)]).toEqual([...one.train(10, 7).batch(0, 8)]);
  expect(one.validation(10).windows).toBe(256);
  expect(one.validation(10, 1005)).toMatchObject({ windows: 100, tokens: 1000, utf8Bytes: 1000 });
  expect((await corpus({ symbols: 6 })).fingerprint).toBe(one.fingerprint);
  expect((await corpus({ symbols: 6, concentration: 0.5 })).fingerprint).not.toBe(one.fingerprint);
});
