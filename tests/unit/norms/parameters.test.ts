import { expect, test } from "vitest";
import { listParameters } from "../../../src/model/graphs.ts";
import type { ModelConfig } from "../../../src/model/schema.ts";
import { type NormSelection, norms } from "../../../src/norms/index.ts";
import { tiny } from "../model/tiny.ts";

/** Sizes that all differ: d 10, head 6, queries 4 x 6, keys 2 x 6. */
const model: ModelConfig = { ...tiny, n_layers: 3, d_model: 10, n_heads: 4, n_kv_heads: 2, head_dim: 6 };
const [d, dh, dq, dk] = [10, 6, 24, 12];

type Norms = Readonly<Record<string, number>>;
const BOTH = { attn_norm: d, ffn_norm: d };
const QKV = { "attn.q_norm": dh, "attn.k_norm": dh, "attn.v_norm": dh };
const HYBRID = { ...QKV, ffn_norm: d };
const SANDWICH = { ...BOTH, attn_out_norm: d, ffn_out_norm: d };
const OUT = { attn_out_norm: d, ffn_out_norm: d };
const SUB_LN = { ...BOTH, "attn.c_norm": dq, "ffn.hidden_norm": model.ffn_dim };
const EMBED = { "embed_norm.weight": d };

/** The norms of block 0 and of the later blocks, each with the width of its gain, and those at the ends beside the last. */
test.each<[norm: NormSelection, first: Norms, later: Norms, ends?: Norms]>([
  [{ name: "pre" }, BOTH, BOTH],
  [{ name: "post" }, BOTH, BOTH],
  [{ name: "post-shifted" }, BOTH, BOTH],
  [{ name: "mix-ln", alpha: 0.5 }, BOTH, BOTH],
  [{ name: "hybrid" }, HYBRID, HYBRID],
  [{ name: "hybrid-star" }, { ...HYBRID, attn_norm: d }, HYBRID],
  [{ name: "first-qkv-pre" }, HYBRID, HYBRID],
  [{ name: "embed-norm" }, HYBRID, HYBRID, EMBED],
  [{ name: "deepnorm" }, BOTH, BOTH],
  [{ name: "sandwich" }, SANDWICH, SANDWICH],
  [{ name: "peri" }, SANDWICH, SANDWICH, EMBED],
  [{ name: "output-norm" }, OUT, OUT],
  [
    { name: "output-norm", qk: "head" },
    { ...OUT, "attn.q_norm": dh, "attn.k_norm": dh },
    { ...OUT, "attn.q_norm": dh, "attn.k_norm": dh },
  ],
  [
    { name: "output-norm", qk: "full" },
    { ...OUT, "attn.q_norm": dq, "attn.k_norm": dk },
    { ...OUT, "attn.q_norm": dq, "attn.k_norm": dk },
  ],
  [
    { name: "qk-norm" },
    { ...BOTH, "attn.q_norm": dh, "attn.k_norm": dh },
    { ...BOTH, "attn.q_norm": dh, "attn.k_norm": dh },
  ],
  [
    { name: "qk-norm-full" },
    { ...BOTH, "attn.q_norm": dq, "attn.k_norm": dk },
    { ...BOTH, "attn.q_norm": dq, "attn.k_norm": dk },
  ],
  [{ name: "lns" }, BOTH, BOTH],
  [{ name: "sub-ln" }, SUB_LN, SUB_LN],
  [{ name: "layer-scale" }, BOTH, BOTH],
  [{ name: "resi-dual" }, BOTH, BOTH],
  [{ name: "prores" }, BOTH, BOTH],
  [{ name: "placement", attn: "none", ffn: "pre" }, { ffn_norm: d }, { ffn_norm: d }],
  [
    { name: "placement", attn: "post", inner: "KC", ffn: "post" },
    { ...BOTH, "attn.k_norm": dh, "attn.c_norm": dh },
    { ...BOTH, "attn.k_norm": dh, "attn.c_norm": dh },
  ],
])("%j", (norm, first, later, ends = {}) => {
  const expected: Record<string, number> = { ...ends, "final_norm.weight": d };
  for (const layer of [0, 1, 2]) {
    for (const [site, width] of Object.entries(layer === 0 ? first : later)) {
      expected[`blocks.${layer}.${site}.weight`] = width;
    }
  }
  const gains = listParameters({ model, norm }).filter(({ role }) => role === "norm");
  expect(Object.fromEntries(gains.map(({ name, shape }) => [name, shape[0]]))).toEqual(expected);
  expect(gains.length).toBe(Object.keys(expected).length);
  for (const { name, shape, layer } of gains) {
    expect(shape.length, name).toBe(1);
    expect(layer, name).toBe(/^blocks\.(\d)/.test(name) ? Number(name[7]) : undefined);
  }
});

test("every strategy has a letter, a source and a clause of its own", () => {
  for (const key of ["glyph", "summary"] as const) {
    const all = Object.values(norms).map((strategy) => strategy[key]);
    expect(new Set(all).size, key).toBe(all.length);
  }
  for (const { glyph, cite } of Object.values(norms)) {
    expect(glyph).toMatch(/^.$/u);
    expect(cite).toMatch(/arXiv \d{4}\.\d{5}/);
  }
});
