import { expect, test } from "vitest";
import type { z } from "zod";
import { completeModel, contradictions, modelSchema } from "../../../src/model/schema.ts";

const least = { d_model: 64, n_layers: 2, n_heads: 4, ffn_dim: 96, vocab_size: 128, seq_len: 16 };
type Fields = z.input<typeof modelSchema>;
const parse = (changes: Partial<Fields> = {}) => modelSchema.parse({ ...least, ...changes });

test("what is not given is the field's common choice: every head its own keys, RMSNorm, an untied head", () => {
  expect(completeModel(parse())).toEqual({
    ...least,
    n_kv_heads: 4,
    head_dim: 16,
    rope_theta: 10000,
    norm_type: "rmsnorm",
    norm_eps: 1e-5,
    tie_embeddings: false,
  });
  expect(completeModel(parse({ n_kv_heads: 2, head_dim: 10 }))).toMatchObject({
    n_kv_heads: 2,
    head_dim: 10,
  });
});

test("of a mixture of experts, OLMoE's choices", () => {
  expect(parse({ moe: { n_experts: 4, top_k: 2 } }).moe).toEqual({
    n_experts: 4,
    top_k: 2,
    renormalize: false,
    balance_loss: 0.01,
    z_loss: 0.001,
    loss_normalization: "olmoe",
  });
});

test.each<[changes: Partial<Fields>, ...string[]]>([
  [{}],
  [{ n_kv_heads: 1 }],
  [{ n_heads: 5, head_dim: 8 }],
  [{ n_heads: 5 }, "n_heads: must divide d_model: 64 / 5 is not whole"],
  [{ n_heads: 64 }, "n_heads: the head size, 1, must be even for RoPE"],
  [{ head_dim: 7 }, "head_dim: the head size, 7, must be even for RoPE"],
  [{ n_kv_heads: 3 }, "n_kv_heads: must divide n_heads: 4 / 3 is not whole"],
  [{ n_kv_heads: 8 }, "n_kv_heads: must divide n_heads: 4 / 8 is not whole"],
  [{ moe: { n_experts: 4, top_k: 4 } }],
  [{ moe: { n_experts: 4, top_k: 5 } }, "moe: top_k 5 is more than n_experts 4"],
  [
    { moe: { n_experts: 4, top_k: 1, renormalize: true } },
    "moe: renormalize with top_k 1 makes every weight 1, from which the router learns nothing",
  ],
  [{ moe: { n_experts: 1, top_k: 1, renormalize: true } }],
  [
    { n_heads: 5, n_kv_heads: 2 },
    "n_heads: must divide d_model: 64 / 5 is not whole",
    "n_kv_heads: must divide n_heads: 5 / 2 is not whole",
  ],
])("%j contradicts itself in these ways", (changes, ...expected) => {
  expect(contradictions(parse(changes)).map(({ key, message }) => `${key}: ${message}`)).toEqual(expected);
});

test.each<[object, string]>([
  [{ d_modle: 64 }, "d_modle"],
  [{ d_model: 0 }, "d_model"],
  [{ n_layers: 1.5 }, "n_layers"],
  [{ seq_len: 1 }, "seq_len"],
  [{ norm_type: "batchnorm" }, "norm_type"],
  [{ norm_eps: 0 }, "norm_eps"],
  [{ rope_theta: -1 }, "rope_theta"],
  [{ moe: { n_experts: 4 } }, "top_k"],
  [{ moe: { n_experts: 4, top_k: 2, capacity: 1.25 } }, "capacity"],
  [{ moe: { n_experts: 4, top_k: 2, balance_loss: -1 } }, "balance_loss"],
  [{ moe: { n_experts: 4, top_k: 2, shared_expert: 0 } }, "shared_expert"],
  [{ moe: { n_experts: 4, top_k: 2, loss_normalization: "switch" } }, "loss_normalization"],
  [{ vocab_size: "100" }, "vocab_size"],
])("%j is refused", (changes, key) => {
  const { error } = modelSchema.safeParse({ ...least, ...changes });
  expect(error?.message).toContain(key);
  expect(error?.issues).toHaveLength(1);
});
