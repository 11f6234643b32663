import { expect, test } from "vitest";
import type { Parameter } from "../../../src/model/parameter.ts";
import { gradientRows } from "../../../src/train/gradient-rows.ts";

const parameter = (name: string, layer?: number): Parameter => ({
  name,
  shape: [2],
  role: "norm",
  initial: 1,
  active: 1,
  ...(layer === undefined ? {} : { layer }),
});

test("one row per tensor in the model's order, then one per layer; the ends belong to no layer", () => {
  const parameters = [
    parameter("embed.weight"),
    parameter("blocks.0.a", 0),
    parameter("blocks.0.b", 0),
    parameter("blocks.1.a", 1),
    parameter("head.weight"),
  ];
  const squares: Record<string, number> = {
    "embed.weight": 1,
    "blocks.0.a": 9,
    "blocks.0.b": 16,
    "blocks.1.a": 4,
    "head.weight": 0,
  };
  const rows = gradientRows(
    parameters,
    (name) => squares[name]!,
    (name) => 4 * squares[name]!,
  );
  expect(rows).toEqual([
    { tensor: "embed.weight", grad_l2: 1, weight_l2: 2 },
    { layer: 0, tensor: "blocks.0.a", grad_l2: 3, weight_l2: 6 },
    { layer: 0, tensor: "blocks.0.b", grad_l2: 4, weight_l2: 8 },
    { layer: 1, tensor: "blocks.1.a", grad_l2: 2, weight_l2: 4 },
    { tensor: "head.weight", grad_l2: 0, weight_l2: 0 },
    { layer: 0, tensor: "*", grad_l2: 5, weight_l2: 10 },
    { layer: 1, tensor: "*", grad_l2: 2, weight_l2: 4 },
  ]);
});
