import { expect, test } from "vitest";
import { explain } from "../../../src/norms/explain.ts";
import type { NormSelection } from "../../../src/norms/index.ts";

/** The equations of the groups of equal blocks, of 4 layers. */
const equations = (norm: NormSelection) => explain(norm, 4).groups.map(({ equation }) => equation);

test.each<[NormSelection, ...(readonly string[])[]]>([
  [{ name: "pre" }, ["Y = X + A(N_attn(X))", "X' = Y + F(N_ffn(Y))"]],
  [{ name: "post" }, ["Y = N_attn(X + A(X))", "X' = N_ffn(Y + F(Y))"]],
  [{ name: "hybrid" }, ["Y = N_ffn(X + A_qkv(X))", "X' = Y + F(Y)"]],
  [
    { name: "hybrid-star" },
    ["Y = X + A_qkv(N_attn(X))", "X' = Y + F(N_ffn(Y))"],
    ["Y = N_ffn(X + A_qkv(X))", "X' = Y + F(Y)"],
  ],
  [{ name: "deepnorm" }, ["Y = N_attn(1.6818 X + A(X))", "X' = N_ffn(1.6818 Y + F(Y))"]],
  [{ name: "sandwich" }, ["Y = X + N_attn_out(A(N_attn(X)))", "X' = Y + N_ffn_out(F(N_ffn(Y)))"]],
  [{ name: "qk-norm-full" }, ["Y = X + A_qk(full)(N_attn(X))", "X' = Y + F(N_ffn(Y))"]],
  [
    { name: "placement", attn: "post", inner: "kc", ffn: "pre" },
    ["Y = N_attn(X)", "Z = Y + A_kc(Y)", "X' = Z + F(N_ffn(Z))"],
  ],
  [{ name: "sub-ln" }, ["Y = X + A_c(full)(N_attn(X))", "X' = Y + F_hidden(N_ffn(Y))"]],
  [{ name: "layer-scale" }, ["Y = X + c A(N_attn(X))", "X' = Y + c' F(N_ffn(Y))"]],
  [
    { name: "resi-dual" },
    ["Y = A(X)", "Z = N_attn(X + Y)", "U = F(Z)", "X' = N_ffn(Z + U)", "D' = D + Y + U"],
  ],
  [
    { name: "prores", warmup_steps: 10 },
    ["Y = X + min(1, t/10) A(N_attn(X))", "X' = Y + min(1, t/10) F(N_ffn(Y))"],
    ["Y = X + min(1, t/20) A(N_attn(X))", "X' = Y + min(1, t/20) F(N_ffn(Y))"],
    ["Y = X + min(1, t/30) A(N_attn(X))", "X' = Y + min(1, t/30) F(N_ffn(Y))"],
    ["Y = X + min(1, t/40) A(N_attn(X))", "X' = Y + min(1, t/40) F(N_ffn(Y))"],
  ],
])("%j in symbols", (norm, ...expected) => {
  expect(equations(norm)).toEqual(expected);
});

test.each<[NormSelection, layers: number, map: string]>([
  [{ name: "pre" }, 4, "rrrr"],
  [{ name: "hybrid-star" }, 4, "*|HHH"],
  [{ name: "hybrid-star" }, 1, "*"],
  [{ name: "first-qkv-pre" }, 4, "F|HHH"],
  [{ name: "mix-ln", alpha: 0.25 }, 12, "PPP|rrrrrrrrr"],
  [{ name: "lns" }, 4, "llll"],
  [{ name: "placement", attn: "none", inner: "qkv", ffn: "post" }, 3, "HHH"],
  [{ name: "placement", attn: "none", inner: "kv", ffn: "post" }, 3, "ggg"],
])("the map of %j over %i layers is %s", (norm, layers, map) => {
  expect(explain(norm, layers).map).toBe(map);
});

test("groups say which blocks they are", () => {
  const { groups } = explain({ name: "mix-ln", post_layers: 1 }, 4);
  expect(groups.map(({ first, last, glyph }) => [first, last, glyph])).toEqual([
    [0, 0, "P"],
    [1, 3, "r"],
  ]);
});

test("what happens at the ends", () => {
  expect(explain({ name: "peri" }, 2)).toMatchObject({
    embed: "X = N_embed(E[tokens])",
    final: "logits = W_head N_final(X)",
  });
  expect(explain({ name: "post" }, 2).embed).toBe("X = E[tokens]");
  expect(explain({ name: "resi-dual" }, 2)).toMatchObject({
    embed: "X = E[tokens],  D = E[tokens]",
    final: "logits = W_head (X + N_final(D))",
  });
});

test("learned factors and where they start", () => {
  expect(explain({ name: "layer-scale" }, 20).learned).toEqual([
    "c, starts at 0.00001",
    "c', starts at 0.00001",
  ]);
  expect(explain({ name: "pre" }, 2).learned).toEqual([]);
});
