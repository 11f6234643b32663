import { expect, test } from "vitest";
import type { Parameter } from "../../../src/model/parameter.ts";
import { active, measured, NOTHING } from "./measured.ts";

const parameter = (name: string, layer?: number, expert?: number): Parameter => ({
  name,
  shape: [2],
  role: "norm",
  initial: 1,
  active: 1,
  ...(layer === undefined ? {} : { layer }),
  ...(expert === undefined ? {} : { expert }),
});

function rowsOf(
  squares: Readonly<Record<string, readonly [layer: number | undefined, square: number, expert?: number]>>,
) {
  const parameters = Object.entries(squares).map(([name, [layer, , expert]]) =>
    parameter(name, layer, expert),
  );
  const gradientSquares = (name: string) => squares[name]![1]!;
  const facts = {
    ...NOTHING,
    parameters,
    gradientSquares,
    weightSquares: (name: string) => 4 * gradientSquares(name),
  };
  return measured(active("grad-norms"), {}, [[{}]], facts)[0]!["grad_norms.csv"];
}

test("one row per tensor in the model's order, then one per layer; the ends belong to no layer", () => {
  const rows = rowsOf({
    "embed.weight": [undefined, 1],
    "blocks.0.a": [0, 9],
    "blocks.0.b": [0, 16],
    "blocks.1.a": [1, 4],
    "head.weight": [undefined, 0],
  });
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

test("of a tensor that every expert has one row for all of them", () => {
  const rows = rowsOf({ "b.experts.0.up": [3, 9, 0], "b.experts.1.up": [3, 16, 1], "b.router": [3, 11] });
  expect(rows).toEqual([
    { layer: 3, tensor: "b.experts.*.up", grad_l2: 5, weight_l2: 10 },
    { layer: 3, tensor: "b.router", grad_l2: Math.sqrt(11), weight_l2: Math.sqrt(44) },
    { layer: 3, tensor: "*", grad_l2: 6, weight_l2: 12 },
  ]);
});
