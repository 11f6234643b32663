import { describe, expect, test } from "vitest";
import { inits } from "../../../src/inits/index.ts";
import { type NormSelection, norms, selectNorm } from "../../../src/norms/index.ts";
import type { NormStrategy } from "../../../src/norms/strategy.ts";

/** What is wrong with a strategy's numbers: `path: message`, one line each. */
function wrongWith({ name, ...own }: NormSelection): readonly string[] {
  const result = (norms[name] as NormStrategy).params.safeParse(own);
  return (result.error?.issues ?? []).map(({ path, message }) => `${path.join(".")}: ${message}`);
}

describe("numbers out of range are refused with words", () => {
  test.each<[NormSelection, ...string[]]>([
    [{ name: "mix-ln" }, ": needs either alpha or post_layers, not both"],
    [{ name: "mix-ln", alpha: 0.25, post_layers: 3 }, ": needs either alpha or post_layers, not both"],
    [{ name: "mix-ln", alpha: 1.5 }, "alpha: Too big: expected number to be <=1"],
    [{ name: "mix-ln", alpha: -0.1 }, "alpha: Too small: expected number to be >=0"],
    [{ name: "mix-ln", alpha: Number.NaN }, "alpha: Invalid input: expected number, received NaN"],
    [{ name: "mix-ln", post_layers: 2.5 }, "post_layers: Invalid input: expected int, received number"],
    [
      { name: "mix-ln", alfa: 0.25 },
      ': Unrecognized key: "alfa"',
      ": needs either alpha or post_layers, not both",
    ],
    [
      { name: "placement", attn: "pre", inner: "qq", ffn: "pre" },
      "inner: letters of q, k, v, c, each at most once, or empty",
    ],
    [
      { name: "placement", attn: "pre", inner: "qkQ", ffn: "pre" },
      "inner: letters of q, k, v, c, each at most once, or empty",
    ],
    [
      { name: "placement", attn: "pre", inner: "qx", ffn: "pre" },
      "inner: letters of q, k, v, c, each at most once, or empty",
    ],
    [
      { name: "placement", attn: "before", inner: "", ffn: "pre" },
      'attn: Invalid option: expected one of "none"|"pre"|"post"',
    ],
    [
      { name: "placement", inner: "qkv", ffn: "none" },
      'attn: Invalid option: expected one of "none"|"pre"|"post"',
      'ffn: Invalid option: expected one of "pre"|"post"',
    ],
    [{ name: "output-norm", qk: "half" }, 'qk: Invalid option: expected one of "none"|"head"|"full"'],
    [{ name: "hybrid", alpha: 0.25 }, ': Unrecognized key: "alpha"'],
  ])("%j", (selection, ...messages) => {
    expect(wrongWith(selection)).toEqual(messages);
    expect(() => selectNorm(selection)).toThrow();
  });
});

test("inner letters may come in any order and case, or not at all", () => {
  const innerOf = (inner?: string) =>
    (
      selectNorm({ name: "placement", attn: "none", ffn: "post", ...(inner === undefined ? {} : { inner }) })
        .params as { inner: string }
    ).inner;
  expect(innerOf()).toBe("");
  expect(innerOf("")).toBe("");
  expect(innerOf("VKQ")).toBe("vkq");
  expect(innerOf("qkvc")).toBe("qkvc");
});

test("more Post layers than layers are refused once the depth is known", () => {
  const { strategy, params } = selectNorm({ name: "mix-ln", post_layers: 13 });
  expect(strategy.check?.(params, 12)).toBe("post_layers is 13, but there are 12 layers");
  expect(strategy.check?.(params, 13)).toBeUndefined();
});

test("every strategy without numbers is chosen by its name alone, and names an init that exists", () => {
  const needing = Object.keys(norms).filter((name) => wrongWith({ name } as NormSelection).length > 0);
  expect(needing).toEqual(["mix-ln", "placement"]);
  for (const { init } of Object.values(norms)) expect(Object.keys(inits)).toContain(init);
});

/** Facts of the papers: Pre-Norm at its best with the normal init, HybridNorm with Megatron's; Mix-LN and DeepNorm their own. */
test("the init of each strategy's source", () => {
  expect(Object.fromEntries(Object.entries(norms).map(([name, { init }]) => [name, init]))).toMatchObject({
    pre: "normal",
    post: "normal",
    "mix-ln": "mix-ln",
    hybrid: "megatron",
    "hybrid-star": "megatron",
    "first-qkv-pre": "megatron",
    "embed-norm": "megatron",
    deepnorm: "deepnorm",
    placement: "megatron",
    "qk-norm": "normal",
  });
});
