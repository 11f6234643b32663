import { describe, expect, test } from "vitest";
import { LIKELIHOOD } from "../../../src/protocols/likelihood.ts";
import { divergenceWatch, notFinite } from "../../../src/train/divergence.ts";

/** The first complaint over these losses, with the step it comes at. */
function firstComplaint(
  rule: Parameters<typeof divergenceWatch>[0],
  losses: readonly number[],
  norms: readonly number[] = [],
  unigram?: number,
) {
  const { look } = divergenceWatch(rule, undefined, unigram);
  for (const [i, loss] of losses.entries()) {
    const message = look(i + 1, loss, norms[i] ?? 1);
    if (message !== undefined) return { step: i + 1, message };
  }
  return undefined;
}

const rule = { above_initial: 1, patience: 3 };

test.each([Number.NaN, Infinity, -Infinity])(
  "a loss of %d is divergence at once, with or without a rule",
  (loss) => {
    for (const r of [rule, null]) {
      expect(firstComplaint(r, [3, 2, loss])).toEqual({ step: 3, message: `the loss is ${loss}` });
    }
  },
);

test("so is a gradient norm that is not finite", () => {
  expect(firstComplaint(null, [3, 2], [1, Number.NaN])).toEqual({
    step: 2,
    message: "the gradient norm is NaN",
  });
  expect(firstComplaint(rule, [3], [Infinity])).toEqual({
    step: 1,
    message: "the gradient norm is Infinity",
  });
});

test("a loss above its first by more than the rule, for as many steps in a row", () => {
  expect(firstComplaint(rule, [3, 4.1, 4.1, 4.1])).toEqual({
    step: 4,
    message: "the loss has been more than 1 nats above its first value 3.000 for 3 steps",
  });
});

test("spikes that come back, or that stay within the rule, are none", () => {
  expect(firstComplaint(rule, [3, 9, 9, 3.9, 9, 9, 3.9, 9])).toBeUndefined();
  expect(firstComplaint(rule, [3, 4, 4, 4, 4, 4])).toBeUndefined(); // exactly 1 above is not more
  expect(firstComplaint(rule, [3, 2, 2, 3.5, 3.5, 3.5, 3.5])).toBeUndefined(); // measured from the first, not the best
});

test("without a rule a finite loss may be anything", () => {
  expect(firstComplaint(null, [3, 1e30, 1e30, 1e30, 1e30])).toBeUndefined();
});

test("an evaluation whose loss is not finite is divergence; a perplexity too large to be written is not", () => {
  const on = { split: "wiki", metrics: LIKELIHOOD };
  const scores = { loss: 2, ppl: Math.exp(2), bits_per_byte: 1 };
  expect(notFinite(on, scores)).toBeUndefined();
  expect(notFinite(on, { ...scores, loss: 800, ppl: Math.exp(800) })).toBeUndefined();
  expect(notFinite(on, { loss: Number.NaN, ppl: Number.NaN, bits_per_byte: Number.NaN })).toBe(
    "the loss on wiki is NaN",
  );
  expect(notFinite(on, { loss: Infinity, ppl: Infinity, bits_per_byte: Infinity })).toBe(
    "the loss on wiki is Infinity",
  );
});

describe("a loss that must have fallen by some step", () => {
  const falling = { ...rule, must_fall: { below: 2, by_step: 3 } } as const;

  test("ends the run at that step where no step was below", () => {
    expect(firstComplaint(falling, [3, 2.5, 2, 1])).toEqual({
      step: 3,
      message: "the loss has not fallen below 2 by step 3: lowest 2.000",
    });
  });

  test("does not, once a step was", () => {
    expect(firstComplaint(falling, [3, 1.9, 2.5, 2.5])).toBeUndefined();
  });

  test("may be that of token frequencies, where it is known", () => {
    const unigram = { ...rule, must_fall: { below: "unigram", by_step: 2 } } as const;
    expect(firstComplaint(unigram, [3, 2.5], [], 2.4)).toEqual({
      step: 2,
      message: "the loss has not fallen below 2.400, that of token frequencies, by step 2: lowest 2.500",
    });
    expect(firstComplaint(unigram, [3, 2.3], [], 2.4)).toBeUndefined();
    expect(firstComplaint(unigram, [3, 2.5])).toBeUndefined();
  });

  test("is remembered from one start to the next", () => {
    const before = divergenceWatch(falling);
    before.look(1, 1.5, 1);
    const after = divergenceWatch(falling, JSON.parse(JSON.stringify(before.state())));
    expect(after.look(2, 3, 1)).toBeUndefined();
    expect(after.look(3, 3, 1)).toBeUndefined();
  });
});

test("a step without a loss is passed over: the first loss is that of the first step that has one", () => {
  const watch = divergenceWatch({ above_initial: 1, patience: 1 });
  expect(watch.look(1, undefined, 0)).toBeUndefined();
  expect(watch.look(2, 3, 1)).toBeUndefined();
  expect(watch.look(3, undefined, 0)).toBeUndefined();
  expect(watch.look(4, 4.1, 1)).toMatch(/above its first value 3\.000/);
  expect(watch.look(5, undefined, Number.NaN)).toBe("the gradient norm is NaN");
});
