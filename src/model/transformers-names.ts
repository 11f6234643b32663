/**
 * What Hugging Face's Transformers call our keys and tensors, for "did you mean": nothing is read under these names.
 * Left out is what says different things in different models there: `post_attention_layernorm` stands before the
 * feed-forward in Llama, on attention's branch in OLMo 2, after its residual add in Mix-LN.
 */

export const transformersKeys: ReadonlyMap<string, string> = new Map([
  ["hidden_size", "d_model"],
  ["num_hidden_layers", "n_layers"],
  ["num_attention_heads", "n_heads"],
  ["num_key_value_heads", "n_kv_heads"],
  ["intermediate_size", "ffn_dim"],
  ["moe_intermediate_size", "ffn_dim"],
  ["max_position_embeddings", "seq_len"],
  ["rms_norm_eps", "norm_eps"],
  ["tie_word_embeddings", "tie_embeddings"],
  ["num_experts", "n_experts"],
  ["num_local_experts", "n_experts"],
  ["num_experts_per_tok", "top_k"],
  ["norm_topk_prob", "renormalize"],
  ["router_aux_loss_coef", "balance_loss"],
]);

const PARTS: readonly (readonly [RegExp, string])[] = [
  [/^model\.embed_tokens\./, "embed."],
  [/^model\.norm\./, "final_norm."],
  [/^lm_head\./, "head."],
  [/^model\.layers\./, "blocks."],
  [/\.input_layernorm\./, ".attn_norm."],
  [/\.self_attn\.([qkvo])_proj\./, ".attn.$1."],
  [/\.self_attn\.([qk]_norm)\./, ".attn.$1."],
  [/\.mlp\.(gate|up|down)_proj\./, ".ffn.$1."],
  [/\.mlp\.gate\./, ".moe.router."],
  [/\.mlp\.experts\.(\d+)\.(gate|up|down)_proj\./, ".moe.experts.$1.$2."],
];

/** `model.layers.0.self_attn.q_proj.weight` -> `blocks.0.attn.q.weight`; other names as they are. */
export const fromTransformers = (name: string): string =>
  PARTS.reduce((text, [theirs, ours]) => text.replace(theirs, ours), name);
