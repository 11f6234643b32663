import fc from "fast-check";
import { expect, test } from "vitest";
import { inMemory } from "../../../src/data/token-sequence.ts";
import { trainWindows, unigramNats, validationWindows, windowCount } from "../../../src/data/windows.ts";
import { UserError } from "../../../src/lib/errors.ts";

/** Token t has the id t: a window shows where it was cut. */
const row = (length: number) => inMemory(Uint32Array.from({ length }, (_, i) => i));
const flat = { byteLengths: { length: 0 }, unigramNats: { length: 0 } } as never;
const facts = (length: number, maxTokens?: number) => ({
  byteLengths: new Uint8Array(length).fill(1),
  unigramNats: new Float64Array(length).fill(1),
  maxTokens,
});

test("n windows of stride T take n T + 1 tokens", () => {
  expect([0, 1, 4, 5, 8, 9].map((tokens) => windowCount(tokens, 4))).toEqual([0, 0, 0, 1, 1, 2]);
});

test("one epoch predicts every token once, but the first and the tail that fills no window", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 10, max: 200 }),
      fc.nat(),
      (seqLen, length, seed) => {
        const stream = trainWindows(row(length), seqLen, seed);
        const targets: number[] = [];
        for (let s = 0; s < stream.epochSamples; s++) {
          const window = [...stream.batch(s, 1)];
          expect(window).toEqual(window.map((_, i) => window[0]! + i));
          targets.push(...window.slice(1));
        }
        targets.sort((a, b) => a - b);
        expect(targets).toEqual(
          Array.from({ length: windowCount(length, seqLen) * seqLen }, (_, i) => i + 1),
        );
      },
    ),
  );
});

test("samples are what is numbered: any grouping into batches gives the same sequence, in any order of asking", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.nat(), (size, seed) => {
      const [seqLen, samples] = [3, 60]; // more than the 33 windows of an epoch
      const one = Int32Array.from(trainWindows(row(100), seqLen, seed).batch(0, samples));
      const grouped = trainWindows(row(100), seqLen, seed);
      for (let k = Math.floor(samples / size) - 1; k >= 0; k--)
        expect(grouped.batch(k, size)).toEqual(
          one.slice(k * size * (seqLen + 1), (k + 1) * size * (seqLen + 1)),
        );
    }),
  );
});

test("epochs differ in order and seeds differ from the start", () => {
  const stream = trainWindows(row(401), 4, 5);
  expect(stream.epochSamples).toBe(100);
  expect(stream.batch(0, 100)).not.toEqual(stream.batch(1, 100));
  expect(trainWindows(row(401), 4, 6).batch(0, 100)).not.toEqual(stream.batch(0, 100));
});

test("validation is the first windows as they lie: as many as fit, at least one, at most all", () => {
  const set = (maxTokens?: number) => validationWindows(row(30), 4, facts(30, maxTokens));
  expect([...set().window(1)]).toEqual([4, 5, 6, 7, 8]);
  expect([set().windows, set(13).windows, set(1).windows, set(1000).windows]).toEqual([7, 3, 1, 7]);
  expect(set(13)).toMatchObject({ tokens: 12, utf8Bytes: 12, seqLen: 4 });
  expect(set(13).sha256).toBe(set(15).sha256);
  expect(set(13).sha256).not.toBe(set(16).sha256);
});

test("bytes and unigram cost count the predicted tokens only", () => {
  const byteLengths = [100, 2, 3, 5, 100, 100];
  const nats = [100, 1, 1, 2, 100, 100];
  const set = validationWindows(row(6), 3, {
    byteLengths,
    unigramNats: nats,
    maxTokens: 3,
  });
  expect(set.utf8Bytes).toBe(10);
  expect(set.unigramBitsPerByte).toBeCloseTo(4 / Math.LN2 / 10, 12);
});

test("unigram prices are a distribution, and an id never seen costs more than any seen", () => {
  const nats = unigramNats([3, 1, 0]);
  expect([...nats].reduce((sum, x) => sum + Math.exp(-x), 0)).toBeCloseTo(1, 12);
  expect(nats[0]).toBeCloseTo(-Math.log(3.5 / 5.5), 12);
  expect(nats[2]).toBeGreaterThan(nats[1]!);
});

test("a corpus too small for one window says so with numbers", () => {
  expect(() => trainWindows(row(8), 8, 0)).toThrow(UserError);
  expect(() => trainWindows(row(8), 8, 0)).toThrowErrorMatchingInlineSnapshot(
    `[UserError: data: the training split holds 8 tokens, fewer than the 9 of one window (seq_len + 1). Give it more text or lower seq_len.]`,
  );
  expect(() => validationWindows(row(0), 8, flat)).toThrow(/validation split holds 0 tokens/);
});
