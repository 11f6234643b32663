/**
 * Every preset's exact parameter count (with Pre-Norm), by a formula written out here, and the published figures.
 * Those are counted without the norms' gains, which differ from strategy to strategy: all of them round so, and with
 * Pre-Norm's gains five would not (550.553M for 550.5M).
 */
import { describe, expect, test } from "vitest";
import { listParameters } from "../../../src/model/graphs.ts";
import type { Parameter } from "../../../src/model/parameter.ts";
import { type PresetName, presets } from "../../../src/model/presets.ts";
import { completeModel, contradictions, type ModelConfig, modelSchema } from "../../../src/model/schema.ts";

const modelOf = (name: PresetName): ModelConfig => completeModel(modelSchema.parse(presets[name]));

const size = ({ shape }: Parameter): number => shape.reduce((product, n) => product * n, 1);

/** Pre-Norm: the table, L blocks of attention, feed-forward and two gains, the last gain, an untied head. */
function byHand(m: ModelConfig): { readonly total: number; readonly active: number } {
  const table = m.vocab_size * m.d_model * (m.tie_embeddings ? 1 : 2);
  const attention = 2 * m.d_model ** 2 + 2 * m.d_model * m.n_kv_heads * (m.d_model / m.n_heads);
  const ffn = 3 * m.d_model * m.ffn_dim;
  const router = m.moe ? m.d_model * m.moe.n_experts : 0;
  const of = (experts: number) =>
    table + m.n_layers * (attention + experts * ffn + router + 2 * m.d_model) + m.d_model;
  return { total: of(m.moe?.n_experts ?? 1), active: of(m.moe?.top_k ?? 1) };
}

/** Exact count, and in millions the figure of HybridNorm's Table 9 or of the Mix-LN release's configs where there is one. */
const COUNTS: Record<PresetName, readonly [exact: number, millions?: string]> = {
  "dense-151m": [151_407_360, "151.4"],
  "dense-285m": [285_238_272, "285.2"],
  "dense-550m": [550_553_088, "550.5"],
  "dense-543m-deep": [543_747_072, "543.7"],
  "dense-1.2b": [1_276_971_008, "1276.9"],
  "dense-1.2b-ffn8192": [1_178_667_008, "1178.6"],
  "moe-1b-7b": [6_919_096_320, "6919"],
  "moe-400m": [392_407_680],
  "moe-50m": [48_909_504],
  "moe-5m": [4_689_120],
  "dense-7b": [7_298_355_200, "7298"],
  "llama-9m": [8_995_968],
  "llama-20m": [19_548_416],
  "llama-35m": [35_197_824],
  "llama-40m": [42_392_480],
  "llama-60m": [58_073_600],
  "llama-71m": [70_578_688, "70.6"],
  "llama-100m": [100_117_120],
  "llama-130m": [134_105_856, "134.1"],
  "llama-250m": [247_370_496, "247.3"],
  "llama-350m": [367_969_280, "367.9"],
  "llama-1b": [1_339_082_752, "1339"],
  "llama-3b": [2_685_831_680],
  "llama-7b": [6_738_415_616, "6738"],
};

describe.each(Object.entries(COUNTS) as [PresetName, (typeof COUNTS)[PresetName]][])(
  "%s",
  (name, [exact, millions]) => {
    const model = modelOf(name);
    const parameters = listParameters({ model, norm: { name: "pre" } });
    const total = parameters.reduce((sum, p) => sum + size(p), 0);

    test("is consistent in itself", () => expect(contradictions(model)).toEqual([]));

    test("has exactly its parameters", () => {
      expect(total).toBe(byHand(model).total);
      expect(total).toBe(exact);
    });

    if (millions === undefined) return;
    test("rounds to the published figure", () => {
      const digits = millions.split(".")[1]?.length ?? 0;
      const gains = parameters.filter(({ role }) => role === "norm").reduce((sum, p) => sum + size(p), 0);
      expect(((total - gains) / 1e6).toFixed(digits)).toBe(millions);
    });
  },
);

test("one token uses 1.282B of the MoE's 6.919B parameters", () => {
  const model = modelOf("moe-1b-7b");
  const parameters = listParameters({ model, norm: { name: "pre" } });
  const active = parameters.reduce((sum, p) => sum + p.active * size(p), 0);
  expect(active).toBe(byHand(model).active);
  expect((active / 1e9).toFixed(3)).toBe("1.282");
});

test("the smaller MoEs keep OLMoE's ratios: 64 experts of half the width, 8 per token, whole heads", () => {
  for (const name of ["moe-1b-7b", "moe-400m", "moe-50m", "moe-5m"] as const) {
    const { d_model, n_heads, n_kv_heads, ffn_dim, moe } = modelOf(name);
    expect(ffn_dim).toBe(d_model / 2);
    expect(n_kv_heads).toBe(n_heads);
    expect(moe).toMatchObject({
      n_experts: 64,
      top_k: 8,
      renormalize: false,
      balance_loss: 0.01,
      z_loss: 0.001,
    });
  }
});

test("HybridNorm has fewer norm parameters than Pre-Norm, not more", () => {
  // Per block d + 3 d_h against 2 d: the gains of q, k and v are shared by the heads (the paper counts 4 d).
  const model = modelOf("dense-550m");
  const gains = (name: "pre" | "hybrid") =>
    listParameters({ model, norm: { name } })
      .filter(({ role }) => role === "norm")
      .reduce((sum, p) => sum + size(p), 0);
  expect(gains("pre")).toBe(16 * 2 * 1536 + 1536);
  expect(gains("hybrid")).toBe(16 * (1536 + 3 * 96) + 1536);
});
