import { describe, expect, test } from "vitest";
import { reference } from "../../../src/backends/reference/reference.ts";
import { UserError } from "../../../src/lib/errors.ts";
import type { NamedTensor } from "../../../src/lib/safetensors.ts";
import { singleStep } from "../../../src/train/single-step.ts";
import { expectClose } from "../close.ts";
import { stepOf, TOKENS, tiny, weightsOf } from "../model/tiny.ts";

const spec = { model: tiny, norm: { name: "hybrid" } } as const;
const step = (weights: ReadonlyMap<string, NamedTensor>, tokens: readonly (readonly number[])[] = TOKENS) =>
  singleStep(reference, spec, weights, tokens);

test("the gradient norm is that of all gradients together; logits come along in the shape of the tokens", async () => {
  const { tensors, gradNorm, parameters, tokens } = await stepOf(spec.norm);
  const gradients = [...tensors]
    .filter(([name]) => name !== "logits")
    .flatMap(([, { values }]) => [...values]);
  expectClose([gradNorm], [Math.hypot(...gradients)]);
  expect(parameters).toBe(gradients.length);
  expect(tokens).toBe(10);
  expect(tensors.get("logits")!.shape).toEqual([2, 5, 11]);
  expect([...tensors.keys()].sort()).toEqual([...weightsOf(spec).keys(), "logits"].sort());
});

test("the loss is the mean of what the logits say of each next token; the last of a sequence predicts none", async () => {
  const { tensors, loss } = await stepOf(spec.norm);
  const logits = tensors.get("logits")!.values;
  let nats = 0;
  for (const [b, row] of TOKENS.entries()) {
    for (let t = 0; t < 4; t++) {
      const scores = [...logits.slice((b * 5 + t) * 11, (b * 5 + t + 1) * 11)];
      nats += Math.log(scores.reduce((sum, z) => sum + Math.exp(z), 0)) - scores[row[t + 1]!]!;
    }
  }
  expectClose([loss], [nats / 8]);
});

test("sequences may be of another length than the model trains on", async () => {
  const short = await step(weightsOf(spec), [[1, 2, 3]]);
  expect(short.tensors.get("logits")!.shape).toEqual([1, 3, 11]);
});

describe("what does not fit the model is told", () => {
  test("all at once: missing tensors, wrong shapes, unknown names with the nearest", async () => {
    const weights = new Map(weightsOf(spec));
    weights.delete("final_norm.weight");
    weights.delete("blocks.1.ffn_norm.weight");
    weights.set("blocks.0.attn.k.weight", { shape: [8, 8], values: new Float32Array(64) });
    weights.set("final_norms.weight", { shape: [8], values: new Float32Array(8) });
    weights.set("embed.weights", { shape: [8], values: new Float32Array(8) });
    weights.set("optimizer_state", { shape: [1], values: new Float32Array(1) });
    const error = await step(weights).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(UserError);
    expect((error as Error).message.split("\n").sort()).toEqual([
      "weights: blocks.0.attn.k.weight is [8,8], the model needs [4,8]",
      "weights: blocks.1.ffn_norm.weight [8] is missing",
      "weights: embed.weights is no tensor of this model",
      "weights: final_norm.weight [8] is missing",
      "weights: final_norms.weight is no tensor of this model; did you mean final_norm.weight?",
      "weights: optimizer_state is no tensor of this model",
    ]);
  });

  test.each([
    ["model.embed_tokens.weight", "embed.weight"],
    ["model.layers.1.self_attn.q_norm.weight", "blocks.1.attn.q_norm.weight"],
    ["model.layers.0.self_attn.v_proj.weight", "blocks.0.attn.v.weight"],
    ["model.layers.1.mlp.down_proj.weight", "blocks.1.ffn.down.weight"],
    ["model.norm.weight", "final_norm.weight"],
    ["lm_head.weight", "head.weight"],
  ])("Hugging Face's %s for %s", async (theirs, ours) => {
    const weights = new Map(weightsOf(spec));
    weights.set(theirs, weights.get(ours)!);
    weights.delete(ours);
    await expect(step(weights)).rejects.toThrow(
      `weights: ${theirs} is no tensor of this model; did you mean ${ours}?`,
    );
  });

  test.each<[tokens: number[][], message: string]>([
    [[], "tokens: need at least one sequence of at least 2 ids"],
    [[[3]], "tokens: need at least one sequence of at least 2 ids"],
    [
      [
        [1, 2, 3],
        [1, 2],
      ],
      "tokens[1]: 2 ids where tokens[0] has 3; all must be equally long",
    ],
    [
      [
        [1, 2],
        [0, 11],
      ],
      "tokens[1][1]: got 11; allowed are ids 0..10 (vocab_size 11)",
    ],
    [[[1, -1]], "tokens[0][1]: got -1; allowed are ids 0..10"],
    [[[1.5, 1]], "tokens[0][0]: got 1.5; allowed are ids 0..10"],
  ])("tokens %j", async (tokens, message) => {
    const error = await step(weightsOf(spec), tokens).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(UserError);
    expect((error as Error).message).toContain(message);
  });
});
