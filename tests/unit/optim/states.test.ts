/** Moments in bf16, by hand: the step is Adam's with moments in f32, and only what is kept of them is rounded. */
import { describe, expect, test } from "vitest";
import { reference } from "../../../src/backends/reference/reference.ts";
import { adamw } from "../../../src/optim/adamw.ts";
import { parameterGroups } from "../../../src/optim/groups.ts";
import { type OptimizerStateName, optimizerStates } from "../../../src/optim/states.ts";
import { updateGraph } from "../../../src/optim/update-graph.ts";
import { plan } from "../../../src/plan/plan.ts";

const PARAMS = adamw.params.parse({ beta1: 0.9, beta2: 0.95 });
const START = [1, -2, 0.5, 3];
const GRADIENTS = [
  [0.1, -0.03, 0.7, 1e-3],
  [0.011, 0.3, -0.7, 1e-5],
  [-0.4, 0.2, 0.1, -3],
];

const [group] = parameterGroups({ name: "adamw", ...PARAMS });
const updateOf = (state: OptimizerStateName) =>
  updateGraph([{ name: "a", shape: [4], decayed: false, group: group! }], {
    state: optimizerStates[state],
    resetGradients: false,
    gradientOf: (p) => `g/${p}`,
  });

async function trained(state: OptimizerStateName) {
  const device = await reference.open({});
  device.write("a", [4], Float64Array.from(START));
  const { graph, feeds } = updateOf(state);
  const program = await device.compile(plan(graph, reference.bytes));
  for (const [i, gradient] of GRADIENTS.entries()) {
    device.write("g/a", [4], Float64Array.from(gradient));
    await program.run(feeds(i + 1, 0.01));
  }
  return { a: device.read("a"), m: device.read("m/a"), v: device.read("v/a") };
}

/** Nearest number with 8 bits of mantissa, ties to even. */
function nearest(x: number): number {
  if (x === 0) return 0;
  const unit = 2 ** (Math.floor(Math.log2(Math.abs(x))) - 7);
  const low = Math.floor(x / unit);
  const rest = x / unit - low;
  return unit * (rest > 0.5 || (rest === 0.5 && low % 2 !== 0) ? low + 1 : low);
}

describe("moments in bf16", () => {
  test("are rounded after each step, and the step is taken before that", async () => {
    const [a, m, v] = [[...START], [0, 0, 0, 0], [0, 0, 0, 0]];
    GRADIENTS.forEach((gradient, t) => {
      gradient.forEach((g, i) => {
        const [m1, v1] = [0.9 * m[i]! + 0.1 * g, 0.95 * v[i]! + 0.05 * g * g];
        const [c1, c2] = [1 - 0.9 ** (t + 1), 1 - 0.95 ** (t + 1)];
        a[i]! -= (0.01 * (m1 / c1)) / (Math.sqrt(v1 / c2) + 1e-8);
        m[i] = nearest(m1);
        v[i] = nearest(v1);
      });
    });
    const found = await trained("bf16-moments");
    expect([...found.m]).toEqual(m);
    expect([...found.v]).toEqual(v);
    found.a.forEach((x, i) => {
      expect(x).toBeCloseTo(a[i]!, 12);
    });
  });

  test("move the numbers of a run, a little", async () => {
    const [f32, bf16] = [await trained("f32"), await trained("bf16-moments")];
    expect(bf16.a).not.toEqual(f32.a);
    bf16.a.forEach((x, i) => {
      expect(Math.abs(x - f32.a[i]!)).toBeLessThan(0.01 * 0.03);
    });
  });

  test("take half the bytes in the plan", () => {
    const [f32, bf16] = (["f32", "bf16-moments"] as const).map(
      (s) => plan(updateOf(s).graph).variableBytes.moment,
    );
    expect([f32, bf16]).toEqual([2 * 4 * 4, 2 * 4 * 2]);
  });
});
