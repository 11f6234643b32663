/** The model section of a config: the shape of a decoder-only transformer, in the field's own words. */
import { z } from "zod";
import { type Kinds, oneOf } from "../lib/one-of.ts";
import { withAliases } from "../lib/with-aliases.ts";
import { type NormFunctionSelection, normFunctions } from "../norm-functions/index.ts";

const positive = z.int().min(1);

/** A function without numbers of its own is its bare name. */
const normFunctionSchema = oneOf(normFunctions as unknown as Kinds).transform(
  (value): NormFunctionSelection => {
    const { name, ...own } = value as Exclude<NormFunctionSelection, string>;
    return Object.keys(own).length === 0 ? name : { name, ...own };
  },
);
/** Blocks, or experts of one: each is nodes of the graph, and more of them than this is a slip. */
const some = z.int().min(1).max(4096);

export const moeSchema = z.strictObject({
  /** Experts per layer, E, and how many each token goes to, k. */
  n_experts: some,
  top_k: positive,
  /** Make the weights of a token's k experts add up to 1. */
  renormalize: z.boolean().default(false),
  /** Width of one more expert that every token goes to, with weight 1; default: none. */
  shared_expert: positive.optional(),
  /** Coefficients of the two losses of the routers; what they multiply is in router-losses.ts. */
  balance_loss: z.number().min(0).default(0.01),
  z_loss: z.number().min(0).default(0.001),
  /** `olmoe` divides by top_k, `standard` (once `usual`) does not, `pooled` takes all layers together. */
  loss_normalization: withAliases(z.enum(["olmoe", "standard", "pooled"]), { usual: "standard" }).default(
    "olmoe",
  ),
});
export type MoeConfig = Readonly<z.infer<typeof moeSchema>>;

export const modelSchema = z.strictObject({
  /** Width of the residual stream, D. */
  d_model: positive,
  /** Number of blocks, L. */
  n_layers: some,
  n_heads: positive,
  /** Key/value heads of grouped-query attention; default: n_heads. */
  n_kv_heads: positive.optional(),
  /** Size of one head; default: d_model / n_heads. */
  head_dim: positive.optional(),
  /** Effective width of the SwiGLU feed-forward, F (of one expert, with `moe`). */
  ffn_dim: positive,
  /** Rows of the embedding table, V: logits and softmax run over all of them. */
  vocab_size: positive,
  /** Training context in tokens, T. */
  seq_len: z.int().min(2),
  rope_theta: z.number().positive().default(10000),
  /** The norm function, by its name, or {name, ...its own numbers}. */
  norm_type: normFunctionSchema.default("rmsnorm"),
  norm_eps: z.number().positive().default(1e-5),
  /** The head is the embedding table. */
  tie_embeddings: z.boolean().default(false),
  /** Mixture of experts in place of the dense feed-forward. */
  moe: moeSchema.optional(),
});

type Parsed = z.infer<typeof modelSchema>;
export type ModelConfig = Readonly<Omit<Parsed, "n_kv_heads" | "head_dim" | "moe">> & {
  readonly n_kv_heads: number;
  readonly head_dim: number;
  readonly moe?: MoeConfig | undefined;
};

/** A contradiction between fields: which key, and what is wrong with it. */
export interface Contradiction {
  readonly key: keyof ModelConfig;
  readonly message: string;
}

/** What the field-by-field schema cannot see. */
export function contradictions(m: Parsed): readonly Contradiction[] {
  const kv = m.n_kv_heads ?? m.n_heads;
  const found: Contradiction[] = [];
  const expect = (ok: boolean, key: keyof ModelConfig, message: string) => ok || found.push({ key, message });
  const headDim = m.head_dim ?? m.d_model / m.n_heads;
  if (m.head_dim === undefined) {
    expect(
      Number.isInteger(headDim),
      "n_heads",
      `must divide d_model: ${m.d_model} / ${m.n_heads} is not whole`,
    );
  }
  const even = !Number.isInteger(headDim) || headDim % 2 === 0;
  const origin = m.head_dim === undefined ? "n_heads" : "head_dim";
  expect(even, origin, `the head size, ${headDim}, must be even for RoPE`);
  expect(m.n_heads % kv === 0, "n_kv_heads", `must divide n_heads: ${m.n_heads} / ${kv} is not whole`);
  const { moe } = m;
  expect(
    !moe || moe.top_k <= moe.n_experts,
    "moe",
    `top_k ${moe?.top_k} is more than n_experts ${moe?.n_experts}`,
  );
  expect(
    !(moe?.renormalize && moe.top_k === 1 && moe.n_experts > 1),
    "moe",
    "renormalize with top_k 1 makes every weight 1, from which the router learns nothing",
  );
  return found;
}

/** The parsed section with its derived defaults filled in. */
export function completeModel({
  d_model,
  n_layers,
  n_heads,
  n_kv_heads,
  head_dim,
  ...rest
}: Parsed): ModelConfig {
  const heads = { n_kv_heads: n_kv_heads ?? n_heads, head_dim: head_dim ?? d_model / n_heads };
  return { d_model, n_layers, n_heads, ...heads, ...rest };
}
