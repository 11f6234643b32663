import { describe, expect, test } from "vitest";
import { listParameters } from "../../../src/model/graphs.ts";
import { expectClose } from "../close.ts";
import { configOf, corpusOf, measuredBy, type Story, storyOf } from "./markov-run.ts";

const lossesOf = (story: Story) => story.steps.map(([, { loss }]) => loss!);

test("the same run twice is the same to the last bit; another seed is another run", async () => {
  const config = configOf({ norm: { name: "hybrid-star" }, eval: { every: 2 } });
  const [one, two] = [await storyOf(config), await storyOf(config)];
  expect(two).toEqual(one);
  const other = await storyOf(
    configOf({ norm: { name: "hybrid-star" }, eval: { every: 2 }, train: { seed: 2 } }),
  );
  expect(lossesOf(other)).not.toEqual(lossesOf(one));
  expect(other.weights).not.toEqual(one.weights);
});

test("the seed decides the first weights and the order of the data, both", async () => {
  const [one, two] = [configOf(), configOf({ train: { seed: 2 } })];
  const real = await corpusOf(two);
  const pinned = { ...real, train: (seqLen: number) => real.train(seqLen, one.train.seed) };
  const otherWeights = await storyOf(two, { corpus: pinned });
  expect(lossesOf(otherWeights)).not.toEqual(lossesOf(await storyOf(one)));
  expect(lossesOf(otherWeights)).not.toEqual(lossesOf(await storyOf(two)));
});

test("two strategies of one seed see the same tokens and start from the same weights", async () => {
  const config = (name: string) =>
    configOf({ norm: { name }, init: { name: "normal" }, train: { steps: 1, lr: 1e-12 } });
  const [pre, sandwich] = [await storyOf(config("pre")), await storyOf(config("sandwich"))];
  for (const [name, weights] of Object.entries(pre.weights))
    expectClose(sandwich.weights[name]!, weights, 1e-10);
});

test("eight sequences at once, or two at a time four times: the same steps but for rounding", async () => {
  const config = (micro_batch_size: number) => {
    const optimizer = { name: "adamw", weight_decay: 0.1 };
    return configOf({
      train: { steps: 5, micro_batch_size, grad_clip: 0.5, optimizer },
      eval: { batch_size: 8 },
    });
  };
  const [whole, parts] = [await storyOf(config(8)), await storyOf(config(2))];
  expectClose(lossesOf(parts), lossesOf(whole), 1e-12);
  whole.steps.forEach(([t, result], i) => {
    const other = parts.steps[i]![1];
    expect(other.lr, `${t}`).toBe(result.lr);
    expectClose([other.gradNorm, other.clipCoefficient], [result.gradNorm, result.clipCoefficient], 1e-12);
  });
  for (const [name, weights] of Object.entries(whole.weights))
    expectClose(parts.weights[name]!, weights, 1e-10);
  expectClose([parts.evaluations[0]![1].scores.loss!], [whole.evaluations[0]![1].scores.loss!], 1e-11);
});

test.each(["pre", "post", "hybrid-star"])(
  "%s learns: the loss falls well below that of a uniform guess",
  async (name) => {
    // Chains so nearly deterministic that repeating what followed the last time is most of the game.
    const config = configOf({
      norm: { name },
      model: { n_layers: 1, seq_len: 16 },
      train: { steps: 60, batch_size: 8, lr: 0.02, schedule: { name: "constant", warmup_steps: 5 } },
      eval: { tokens: 512 },
    });
    const { evaluations, outcome } = await storyOf(config);
    const optimal = (await corpusOf(config)).validation(16, 512).optimalLoss!;
    const { loss } = evaluations.at(-1)![1].scores;
    expect(outcome).toEqual({ state: "done" });
    expect(loss).toBeGreaterThan(optimal);
    expect(loss).toBeLessThan(optimal + 0.65 * (Math.log(4) - optimal));
  },
);

describe("what is recorded when", () => {
  test("every step; gradient norms at steps 1, every k, 100 and the last; evaluations every k and last", async () => {
    const config = configOf({
      model: { n_layers: 1, seq_len: 2 },
      train: { steps: 102, batch_size: 1 },
      eval: { every: 40, tokens: 2 },
      log: { grad_norms_every: 30 },
    });
    const story = await storyOf(config);
    const { steps, evaluations } = story;
    expect(steps.map(([t]) => t)).toEqual(Array.from({ length: 102 }, (_, i) => i + 1));
    expect(measuredBy(story, "grad_norms.csv").map(([t]) => t)).toEqual([1, 30, 60, 90, 100, 102]);
    expect(evaluations.map(([t]) => t)).toEqual([40, 80, 102]);
  });

  test("the norms of the tensors make up the norm of the whole, before clipping; weights are those before the step", async () => {
    const config = configOf({ train: { steps: 1, grad_clip: 0.01 } });
    const story = await storyOf(config);
    const { steps, weights } = story;
    const { gradNorm, clipCoefficient } = steps[0]![1];
    const rows = measuredBy(story, "grad_norms.csv")[0]![1];
    const tensors = rows.filter(({ tensor }) => tensor !== "*");
    expect(tensors.map(({ tensor }) => tensor)).toEqual(listParameters(config).map(({ name }) => name));
    expectClose([Math.hypot(...tensors.map(({ grad_l2 }) => grad_l2!))], [gradNorm]);
    expect(clipCoefficient).toBeCloseTo(0.01 / gradNorm, 6);
    const gain = tensors.find(({ tensor }) => tensor === "final_norm.weight")!;
    expect(gain.weight_l2).toBeCloseTo(Math.sqrt(8), 12); // gains of 1
    expect(Math.hypot(...weights["final_norm.weight"]!)).not.toBeCloseTo(Math.sqrt(8), 6);
  });
});

describe("how a run ends", () => {
  test("asked to stop, before the next step", async () => {
    const { outcome, steps, evaluations } = await storyOf(configOf(), { shouldStop: (t) => t === 3 });
    expect(outcome).toEqual({ state: "interrupted" });
    expect(steps).toHaveLength(2);
    expect(evaluations).toEqual([]);
  });

  test("diverged, as soon as the loss has been too high for long enough", async () => {
    // A rate that throws the weights about, on logits that a large head makes matter.
    const changes = { steps: 50, lr: 30, schedule: "constant", grad_clip: null };
    const config = configOf({ train: { ...changes, divergence: { above_initial: 0.5, patience: 3 } } });
    const { outcome, steps } = await storyOf(config);
    expect(outcome).toMatchObject({
      state: "diverged",
      message: expect.stringContaining("above its first value"),
    });
    const losses = steps.map(([, { loss }]) => loss!);
    expect(losses.length).toBeLessThan(50);
    for (const loss of losses.slice(-3)) expect(loss).toBeGreaterThan(losses[0]! + 0.5);
  });

  test("with numbers that are not finite, whatever the rule", async () => {
    const train = { steps: 50, lr: 1e200, schedule: "constant", grad_clip: null, divergence: null };
    const { outcome, steps } = await storyOf(configOf({ train }));
    expect(outcome).toMatchObject({
      state: "diverged",
      message: expect.stringMatching(/is (NaN|-?Infinity)/),
    });
    expect(steps.length).toBeLessThan(50);
  });
});
