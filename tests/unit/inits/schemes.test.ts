import { describe, expect, test } from "vitest";
import { type InitSelection, selectInit } from "../../../src/inits/index.ts";
import { smallInit } from "../../../src/inits/olmo.ts";
import type { MatrixRole as Role } from "../../../src/inits/roles.ts";
import type { Distribution } from "../../../src/inits/scheme.ts";

/** HybridNorm's 1.2B: d 2048, 16 layers; SmallInit's s there. */
const model = { d_model: 2048, n_layers: 16 };
const S = 0.013975424859373685; // init_std of the release's configs

function distributionOf(
  init: InitSelection,
  role: Role,
  layer?: number,
  shape: number[] = [2048, 2048],
): Distribution {
  const { scheme, params } = selectInit(init);
  return scheme.distribution({ role, shape, layer }, model, params);
}
function stdOf(...target: Parameters<typeof distributionOf>): number {
  const distribution = distributionOf(...target);
  return distribution.std;
}
const INPUTS = ["q", "k", "v", "gate", "up", "router"] as const;
const OUTPUTS = ["o", "down"] as const;

test.each([
  [768, 0.02282],
  [1024, 0.01976],
  [1536, 0.01614],
  [2048, 0.01398],
])("SmallInit of width %i is %d", (width, std) => {
  expect(smallInit(width)).toBeCloseTo(std, 5);
});

test("an expert's matrices are drawn like a dense network's, each for itself; the router like any input matrix", () => {
  const shape = [1024, 2048];
  const megatron = { name: "megatron" } as const;
  expect(stdOf(megatron, "gate", 3, shape)).toBeCloseTo(S, 15);
  expect(stdOf(megatron, "router", 3, [64, 2048])).toBeCloseTo(S, 15);
  expect(stdOf(megatron, "down", 3, [2048, 1024])).toBeCloseTo(S / Math.sqrt(32), 15);
  expect(stdOf(megatron, "head", undefined, [50304, 2048])).toBeCloseTo(1 / Math.sqrt(2048), 15);
  expect(stdOf({ name: "mix-ln" }, "router", 3, [64, 2048])).toBe(0.02);
  // DeepNorm: Xavier over the one expert's matrix, times beta; the router has no beta.
  const xavier = Math.sqrt(2 / (1024 + 2048));
  expect(stdOf({ name: "deepnorm" }, "up", 3, shape)).toBeCloseTo(xavier * (8 * 16) ** -0.25, 15);
  expect(stdOf({ name: "deepnorm" }, "router", 3, [64, 2048])).toBeCloseTo(Math.sqrt(2 / (64 + 2048)), 15);
});

describe.each(["normal", "depth-scaled", "megatron"] as const)("%s", (name) => {
  test("every matrix but the output projections has std s, cut at 3 std", () => {
    for (const role of INPUTS) {
      expect(distributionOf({ name }, role, 5)).toEqual({
        std: expect.closeTo(S, 15),
        cutoff: 3,
      });
    }
    expect(distributionOf({ name }, "embedding")).toEqual({
      std: expect.closeTo(S, 15),
      cutoff: 3,
    });
  });

  test.each(OUTPUTS)("output projection %s, over depth", (role) => {
    const divisors = {
      normal: () => 1,
      "depth-scaled": (layer: number) => Math.sqrt(2 * (layer + 1)),
      megatron: () => Math.sqrt(2 * 16),
    };
    for (const layer of [0, 1, 7, 15])
      expect(stdOf({ name }, role, layer)).toBeCloseTo(S / divisors[name](layer), 15);
  });

  test("numbers of one's own: std, head, embedding, and no truncation", () => {
    expect(stdOf({ name, std: 0.02 }, "q", 0)).toBe(0.02);
    expect(stdOf({ name, std: 0.02 }, "embedding")).toBe(0.02);
    expect(stdOf({ name, embedding_std: 1 }, "embedding")).toBe(1);
    expect(stdOf({ name, head_std: 0.5 }, "head")).toBe(0.5);
    expect(distributionOf({ name, cutoff: null, std: 1 }, "q", 0)).toEqual({
      std: 1,
      cutoff: undefined,
    });
    expect(distributionOf({ name, cutoff: 2, std: 1 }, "q", 0)).toEqual({
      std: 1,
      cutoff: 2,
    });
  });
});

test("an untied head: s, but 1/sqrt(d) with megatron, as the release has it", () => {
  expect(stdOf({ name: "normal" }, "head")).toBeCloseTo(S, 15);
  expect(stdOf({ name: "depth-scaled" }, "head")).toBeCloseTo(S, 15);
  expect(stdOf({ name: "megatron" }, "head")).toBeCloseTo(0.0220971, 7);
});

describe("mix-ln", () => {
  test("0.02 everywhere, untruncated, and an embedding of sqrt(2/5)", () => {
    for (const role of [...INPUTS, ...OUTPUTS, "head"] as const) {
      expect(distributionOf({ name: "mix-ln" }, role, 3)).toEqual({ std: 0.02 });
    }
    expect(stdOf({ name: "mix-ln" }, "embedding")).toBeCloseTo(0.632456, 6);
    expect(stdOf({ name: "mix-ln", embedding_std: 0.02 }, "embedding")).toBe(0.02);
  });

  test("scaled_from_layer: the output projections from that block on get 0.02 / sqrt(2L)", () => {
    const scaled = { name: "mix-ln", scaled_from_layer: 4 } as const;
    const small = 0.02 / Math.sqrt(32);
    for (const role of OUTPUTS) {
      expect([0, 3, 4, 15].map((layer) => stdOf(scaled, role, layer))).toEqual([0.02, 0.02, small, small]);
      expect(stdOf({ ...scaled, scaled_from_layer: 0 }, role, 0)).toBe(small);
    }
    for (const role of INPUTS) expect(stdOf(scaled, role, 15)).toBe(0.02);
  });
});

describe("deepnorm", () => {
  const std = (role: Role, n_layers: number, shape: number[]) => {
    const { scheme, params } = selectInit({ name: "deepnorm" });
    const distribution = scheme.distribution({ role, shape, layer: 0 }, { d_model: 64, n_layers }, params);
    return distribution.std;
  };

  test.each([
    [12, 0.31947],
    [24, 0.26864],
    [32, 0.25],
  ])("Xavier; in %i layers v, o and the feed-forward have gain %d, q and k have 1", (layers, beta) => {
    const xavier = Math.sqrt(2 / (64 + 176));
    for (const role of ["v", "o", "gate", "up"] as const) {
      expect(std(role, layers, [176, 64]) / xavier).toBeCloseTo(beta, 5);
    }
    expect(std("down", layers, [64, 176]) / xavier).toBeCloseTo(beta, 5);
    for (const role of ["q", "k", "router"] as const)
      expect(std(role, layers, [176, 64])).toBeCloseTo(xavier, 15);
  });

  test("12 layers of width 64: 0.0399 for v", () => {
    expect(std("v", 12, [64, 64])).toBeCloseTo(0.31947 / 8, 5);
  });

  test("stacked experts: the fans are those of one expert", () => {
    expect(std("gate", 32, [8, 176, 64])).toBeCloseTo(0.25 * Math.sqrt(2 / 240), 15);
  });

  test("the ends: N(0, 1/d)", () => {
    expect(std("embedding", 12, [1000, 64])).toBe(1 / 8);
    expect(std("head", 12, [1000, 64])).toBe(1 / 8);
  });
});

test.each<[InitSelection, string]>([
  [{ name: "normal", std: "large" }, "std"],
  [{ name: "normal", std: 0 }, "std"],
  [{ name: "normal", cutoff: -1 }, "cutoff"],
  [{ name: "megatron", sdt: 0.02 }, "sdt"],
  [{ name: "deepnorm", std: 0.02 }, "std"],
  [{ name: "mix-ln", scaled_from_layer: 0.5 }, "scaled_from_layer"],
])("%j is refused", (selection, key) => {
  expect(() => selectInit(selection)).toThrow(key);
});
