/** The routers and experts of a mixture, on numbers made up. */
import { expect, test } from "vitest";
import { activeProbes } from "../../../src/probes/active.ts";
import { configOf } from "../train/markov-run.ts";
import { active, type Given, measured, NOTHING } from "./measured.ts";

const model = { moe: { n_experts: 4, top_k: 2 }, n_layers: 1 };
const given = (balance: number, z: number, entropy: number, counts: readonly number[]): Given => ({
  router_p: [[entropy]],
  expert_counts: [counts],
  balance_loss: [[balance]],
  z_loss: [[z]],
});
const step = [given(1, 2, 0.5, [3, 3, 0, 0]), given(2, 4, 1, [0, 1, 2, 2])];

test("over micro-batches losses add up and entropies are averaged, step after step", () => {
  const steps = measured(active("routers", model), model, [step, step], { ...NOTHING, tokens: 6 });
  const row = { layer: 0, entropy: 0.75, balance_loss: 3, z_loss: 6, dropped_tokens: 1 }; // one of 12 was lost on purpose
  for (const tables of steps) expect(tables).toEqual({ "routers.csv": [row] });
});

test("counts are shares of all, and norms those of all tensors of an expert", () => {
  const parameters = [0, 1, 2, 3].flatMap((expert) =>
    ["gate", "up"].map((role) => {
      return { name: `${expert}.${role}`, shape: [1], role: "up" as const, active: 0.5, layer: 0, expert };
    }),
  );
  const squares = (name: string) => (name.endsWith("gate") ? 9 : 16) * (1 + Number(name[0])) ** 2;
  const facts = {
    ...NOTHING,
    parameters,
    gradientSquares: squares,
    weightSquares: (n: string) => 4 * squares(n),
  };
  const [tables] = measured(active("experts", model), model, [step], facts);
  expect(tables!["experts.csv"]).toEqual(
    [3, 4, 2, 2].map((count, expert) => ({
      layer: 0,
      expert,
      token_share: count / 11,
      grad_l2: 5 * (1 + expert),
      weight_l2: 10 * (1 + expert),
    })),
  );
});

test("neither is measured in a dense model", () => {
  expect(activeProbes(configOf()).map(({ name }) => name)).toEqual(["grad-norms"]);
  expect(activeProbes(configOf({ model })).map(({ name }) => name)).toEqual([
    "grad-norms",
    "routers",
    "experts",
  ]);
});
