/**
 * The models of the papers, as data. Vocabularies are the padded ones: logits and softmax run over all rows.
 * Parameter counts (with Pre-Norm; a test holds each): those of HybridNorm Table 9 and of the Mix-LN configs.
 */
import type { z } from "zod";
import type { modelSchema } from "./schema.ts";

type ModelFields = z.input<typeof modelSchema>;

/** HybridNorm (arXiv 2503.04598) Table 9: grouped queries, dolma2 vocabulary 100278 padded to 100352. */
const dense = {
  n_heads: 16,
  n_kv_heads: 4,
  vocab_size: 100352,
  seq_len: 4096,
  rope_theta: 500000,
  norm_eps: 1e-5,
  tie_embeddings: true,
} as const;

/** Mix-LN (arXiv 2412.13795), configs/*.json of its release: no grouped queries, trained on 256 tokens. */
const llama = {
  vocab_size: 32000,
  seq_len: 256,
  rope_theta: 10000,
  norm_eps: 1e-6,
  tie_embeddings: false,
} as const;

/** OLMoE's shape (arXiv 2409.02060): 64 experts half as wide as the stream, 8 per token, as many key heads as heads. */
const olmoe = {
  rope_theta: 10000,
  norm_eps: 1e-5,
  tie_embeddings: false,
  moe: { n_experts: 64, top_k: 8 },
} as const;

const dense1b = { ...dense, d_model: 2048, n_layers: 16, n_heads: 32, n_kv_heads: 8 } as const;

export const presets = {
  "dense-151m": { ...dense, d_model: 768, n_layers: 12, ffn_dim: 2048 },
  "dense-285m": { ...dense, d_model: 1024, n_layers: 12, ffn_dim: 4096 },
  "dense-550m": { ...dense, d_model: 1536, n_layers: 16, ffn_dim: 4096 },
  "dense-543m-deep": { ...dense, d_model: 1024, n_layers: 29, ffn_dim: 4096 },
  /** The paper's feed-forward width and 1.27B; its release has 8192. */
  "dense-1.2b": { ...dense1b, ffn_dim: 9192 },
  "dense-1.2b-ffn8192": { ...dense1b, ffn_dim: 8192 },
  /** OLMoE itself. The vocabulary 50280 is padded to 50304. */
  "moe-1b-7b": {
    ...olmoe,
    d_model: 2048,
    n_layers: 16,
    n_heads: 16,
    ffn_dim: 1024,
    vocab_size: 50304,
    seq_len: 4096,
  },
  /** The same scaled down; the smallest reads bytes. */
  "moe-400m": {
    ...olmoe,
    d_model: 640,
    n_layers: 8,
    n_heads: 10,
    ffn_dim: 320,
    vocab_size: 50304,
    seq_len: 2048,
  },
  "moe-50m": {
    ...olmoe,
    d_model: 192,
    n_layers: 8,
    n_heads: 6,
    ffn_dim: 96,
    vocab_size: 50304,
    seq_len: 1024,
  },
  "moe-5m": { ...olmoe, d_model: 96, n_layers: 5, n_heads: 3, ffn_dim: 48, vocab_size: 257, seq_len: 256 },
  /** OLMo-2 7B's shape, which HybridNorm's 7B follows. */
  "dense-7b": {
    d_model: 4096,
    n_layers: 32,
    n_heads: 32,
    n_kv_heads: 32,
    ffn_dim: 11008,
    vocab_size: 100352,
    seq_len: 4096,
    rope_theta: 500000,
    norm_eps: 1e-6,
    tie_embeddings: false,
  },
  "llama-9m": { ...llama, d_model: 128, ffn_dim: 352, n_heads: 4, n_layers: 4 },
  "llama-20m": { ...llama, d_model: 256, ffn_dim: 688, n_heads: 4, n_layers: 4 },
  "llama-35m": { ...llama, d_model: 384, ffn_dim: 1024, n_heads: 8, n_layers: 6 },
  "llama-40m": { ...llama, d_model: 416, ffn_dim: 1024, n_heads: 8, n_layers: 8 },
  "llama-60m": { ...llama, d_model: 512, ffn_dim: 1376, n_heads: 8, n_layers: 8 },
  "llama-71m": { ...llama, d_model: 512, ffn_dim: 1368, n_heads: 8, n_layers: 12 },
  "llama-100m": { ...llama, d_model: 640, ffn_dim: 1708, n_heads: 10, n_layers: 12, vocab_size: 32100 },
  "llama-130m": { ...llama, d_model: 768, ffn_dim: 2048, n_heads: 12, n_layers: 12 },
  /** Width 768 as in the release; the paper's Table 7 prints 1024, which would be 355M. */
  "llama-250m": { ...llama, d_model: 768, ffn_dim: 2560, n_heads: 16, n_layers: 24 },
  "llama-350m": { ...llama, d_model: 1024, ffn_dim: 2736, n_heads: 16, n_layers: 24 },
  "llama-1b": { ...llama, d_model: 2048, ffn_dim: 5461, n_heads: 32, n_layers: 24 },
  "llama-3b": { ...llama, d_model: 2560, ffn_dim: 6848, n_heads: 32, n_layers: 32 },
  "llama-7b": { ...llama, d_model: 4096, ffn_dim: 11008, n_heads: 32, n_layers: 32 },
} as const satisfies Record<string, ModelFields>;

export type PresetName = keyof typeof presets;
