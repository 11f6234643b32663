import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { gradientGraph } from "../../../src/model/graphs.ts";
import { explain } from "../../../src/norms/explain.ts";
import type { NormSelection } from "../../../src/norms/index.ts";
import { stepOf, tiny } from "../model/tiny.ts";

const placement = (attn: string, inner: string, ffn: string): NormSelection => ({
  name: "placement",
  attn,
  inner,
  ffn,
});

describe("one wiring under two names gives the same loss and the same gradients, to the last bit", () => {
  test.each<[NormSelection, NormSelection, layers?: number]>([
    [{ name: "pre" }, placement("pre", "", "pre")],
    [{ name: "hybrid" }, placement("none", "qkv", "post")],
    [{ name: "post-shifted" }, placement("post", "", "post")],
    [{ name: "qk-norm" }, placement("pre", "qk", "pre")],
    [placement("none", "qkvc", "pre"), placement("none", "CVKQ", "pre")],
    [{ name: "hybrid-star" }, placement("pre", "qkv", "pre"), 1],
    [{ name: "first-qkv-pre" }, placement("none", "qkv", "pre"), 1],
    [{ name: "mix-ln", alpha: 0 }, { name: "pre" }],
    [{ name: "mix-ln", alpha: 1 }, { name: "post" }],
    [
      { name: "mix-ln", alpha: 0.5 },
      { name: "mix-ln", post_layers: 1 },
    ],
    [{ name: "output-norm", qk: "none" }, { name: "output-norm" }],
    [{ name: "lns" }, { name: "pre" }, 1],
  ])("%j is %j", async (a, b, layers = 3) => {
    const model = { ...tiny, n_layers: layers };
    const [one, other] = [await stepOf(a, model), await stepOf(b, model)];
    expect(one.loss).toBe(other.loss);
    expect(one.tensors).toEqual(other.tensors);
  });
});

test("and no two strategies are the same one", async () => {
  const selections: NormSelection[] = [
    ...(["pre", "post", "post-shifted", "hybrid", "hybrid-star", "first-qkv-pre", "embed-norm"] as const),
    ...(["deepnorm", "sandwich", "peri", "output-norm", "qk-norm", "qk-norm-full", "lns"] as const),
  ].map((name) => ({ name }));
  selections.push(
    { name: "mix-ln", alpha: 0.5 },
    placement("none", "kv", "post"),
    placement("post", "", "pre"),
  );
  const losses = await Promise.all(selections.map(async (norm) => (await stepOf(norm)).loss));
  expect(new Set(losses).size).toBe(selections.length);
});

/** Constants by which a block's values are scaled, in the forward pass. */
function factors(norm: NormSelection, layers: number, layer: number): readonly number[] {
  const { graph } = gradientGraph({ model: { ...tiny, n_layers: layers }, norm }, { batch: 1 });
  return graph.nodes
    .filter(({ op, scope }) => op.name === "scale" && scope === `blocks.${layer}`)
    .map(({ attrs }) => (attrs as { factor: number }).factor);
}

test("DeepNorm scales both residuals by (2L)^(1/4)", () => {
  for (const [layers, alpha] of [
    [2, Math.SQRT2],
    [12, 2.2133638],
    [24, 2.632148],
    [32, Math.sqrt(8)],
  ] as const) {
    for (const layer of [0, layers - 1]) {
      const found = factors({ name: "deepnorm" }, layers, layer);
      expect(found).toHaveLength(2);
      for (const factor of found) expect(factor).toBeCloseTo(alpha, 6);
    }
  }
});

test("or by the number it is given, as Mix-LN's release does at every depth", () => {
  expect(factors({ name: "deepnorm", alpha: Math.sqrt(8) }, 12, 3)).toEqual([Math.sqrt(8), Math.sqrt(8)]);
});

test("LayerNorm Scaling divides both norms of block l = 1, 2, ... by sqrt(l)", () => {
  for (const layer of [0, 1, 2, 3, 8]) {
    const scale = 1 / Math.sqrt(layer + 1);
    expect(factors({ name: "lns" }, 9, layer)).toEqual([scale, scale]);
  }
});

describe("Mix-LN", () => {
  const map = (norm: Omit<NormSelection, "name">, layers: number) =>
    explain({ name: "mix-ln", ...norm }, layers).map;
  const postOf = (text: string) => /^P*/.exec(text)![0].length;

  test.each([
    [0, 12, "rrrrrrrrrrrr"],
    [0.25, 12, "PPP|rrrrrrrrr"],
    [0.25, 10, "PP|rrrrrrrr"],
    [1 / 3, 12, "PPPP|rrrrrrrr"],
    [0.33, 12, "PPP|rrrrrrrrr"],
    [0.5, 5, "PP|rrr"],
    [0.0625, 32, "PP|rrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"],
    [1, 4, "PPPP"],
    [15 / 22, 22, "PPPPPPPPPPPPPPP|rrrrrrr"], // 15 / 22 * 22 is 14.999999999999998
    [13 / 23, 23, "PPPPPPPPPPPPP|rrrrrrrrrr"],
  ])("alpha %d of %i layers: %s", (alpha, layers, expected) => {
    expect(map({ alpha }, layers)).toBe(expected);
  });

  test.each([
    [0, "rrrr"],
    [3, "PPP|r"],
    [4, "PPPP"],
  ])("post_layers %i of 4", (post_layers, expected) => {
    expect(map({ post_layers }, 4)).toBe(expected);
  });

  test("alpha = p / q of L layers is floor(p L / q) Post layers, for every fraction, in exact arithmetic", () => {
    const fraction = fc
      .integer({ min: 1, max: 48 })
      .chain((q) => fc.tuple(fc.integer({ min: 0, max: q }), fc.constant(q)));
    fc.assert(
      fc.property(fraction, fc.integer({ min: 1, max: 32 }), ([p, q], layers) => {
        expect(postOf(map({ alpha: p / q }, layers))).toBe(Number((BigInt(p) * BigInt(layers)) / BigInt(q)));
      }),
      { numRuns: 300 },
    );
  });
});
