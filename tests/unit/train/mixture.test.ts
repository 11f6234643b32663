/** Training a mixture of experts: what its probes say, step by step and in files. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { runFiles } from "../../../src/runs/paths.ts";
import { openTables } from "../../../src/runs/tables.ts";
import { recorder } from "../../../src/train/recorder.ts";
import { routerTally } from "../../../src/train/router-probes.ts";
import { executeRun } from "../../../src/train/run.ts";
import { expectClose } from "../close.ts";
import { configOf, storyOf } from "./markov-run.ts";

const root = mkdtempSync(join(tmpdir(), "hnorm-mixture-"));
afterAll(() => rmSync(root, { recursive: true }));

const moe = { n_experts: 4, top_k: 2 };
const mixture = (moe: object, train: object = {}) =>
  configOf({ norm: { name: "hybrid-star" }, model: { moe }, train, log: { grad_norms_every: 3 } });

test("every look at the gradient's norms looks at the routers too, and at nothing in a dense model", async () => {
  const { routed, gradientNorms } = await storyOf(mixture(moe));
  expect(routed.map(([t]) => t)).toEqual([1, 3, 4]);
  for (const [i, [t, routers, experts]] of routed.entries()) {
    expect(routers.map(({ layer }) => layer)).toEqual([0, 1]);
    for (const { entropy, droppedTokens, tokenShares, balanceLoss, zLoss } of routers) {
      expect(droppedTokens).toBe(0);
      expect(entropy).toBeGreaterThan(0);
      expect(entropy).toBeLessThanOrEqual(Math.log(4) + 1e-12);
      expect(Math.max(...tokenShares)).toBeLessThanOrEqual(1 / 2); // an expert takes a token once
      expectClose([tokenShares.reduce((sum, share) => sum + share, 0)], [1]);
      expect(Math.min(balanceLoss, zLoss)).toBeGreaterThan(0);
    }
    expect(experts.map(({ layer, expert }) => [layer, expert])).toEqual(
      [0, 1].flatMap((layer) => [0, 1, 2, 3].map((expert) => [layer, expert])),
    );
    // Both tables divide the same squares differently: by expert, and by tensor.
    const [at, rows] = gradientNorms[i]!;
    expect(at).toBe(t);
    for (const column of ["grad_l2", "weight_l2"] as const) {
      const byExpert = experts.map((row) => row[column] ** 2);
      const byTensor = rows
        .filter(({ tensor }) => tensor.includes("experts.*"))
        .map((row) => row[column] ** 2);
      expect(byTensor).toHaveLength(6);
      expectClose([sum(byExpert)], [sum(byTensor)]);
    }
  }
  expect((await storyOf(configOf())).routed).toEqual([]);
});
const sum = (values: readonly number[]): number => values.reduce((total, x) => total + x, 0);

test("the training loss is the cross-entropy alone; the gradient is that of all losses", async () => {
  const first = async (coefficients: object) =>
    (await storyOf(mixture({ ...moe, ...coefficients }))).steps[0]![1];
  const [light, heavy] = [await first({ balance_loss: 0, z_loss: 0 }), await first({ balance_loss: 9 })];
  expect(heavy.loss).toBe(light.loss);
  expect(heavy.gradNorm).not.toBe(light.gradNorm);
});

test("without the balance loss, micro-batches change nothing but rounding", async () => {
  const alone = { ...moe, balance_loss: 0, z_loss: 0.1 };
  const [whole, parts] = [
    await storyOf(mixture(alone)),
    await storyOf(mixture(alone, { micro_batch_size: 2 })),
  ];
  const norms = (story: typeof whole) => story.steps.map(([, { gradNorm }]) => gradNorm);
  expectClose(norms(parts), norms(whole), 1e-12);
  for (const [i, [, routers]] of whole.routed.entries()) {
    for (const [layer, want] of routers.entries()) {
      const got = parts.routed[i]![1][layer]!;
      expect(got.tokenShares).toEqual(want.tokenShares);
      expectClose([got.entropy, got.zLoss], [want.entropy, want.zLoss], 1e-12);
    }
  }
});

test("over micro-batches losses add up, entropies are averaged, counts are shares of all", () => {
  const tally = routerTally({ moe: { ...moe } as never, n_layers: 1 }, { tokens: 3, microBatches: 2 })!;
  const outputs = (balance: number, z: number, entropy: number, counts: number[]) => ({
    "router/0/balance": Float32Array.of(balance),
    "router/0/z": Float32Array.of(z),
    "router/0/entropy": Float32Array.of(entropy),
    "router/0/counts": Float32Array.from(counts),
  });
  for (let step = 0; step < 2; step++) {
    tally.add(outputs(1, 2, 0.5, [3, 3, 0, 0]));
    tally.add(outputs(2, 4, 1, [0, 1, 2, 2]));
    expect(tally.reports()).toEqual([
      {
        layer: 0,
        balanceLoss: 3,
        zLoss: 6,
        entropy: 0.75,
        droppedTokens: 1, // one of 12 was lost on purpose
        tokenShares: [3 / 11, 4 / 11, 2 / 11, 2 / 11],
      },
    ]);
  }
  expect(routerTally({ n_layers: 1 }, { tokens: 3 })).toBeUndefined();
});

test("two tables of a mixture alone, with the expert as a column", () => {
  const config = mixture(moe);
  const dir = mkdtempSync(join(root, "tables"));
  const tables = openTables(dir, { experts: true });
  const router = {
    layer: 0,
    entropy: 0.5,
    balanceLoss: 0.25,
    zLoss: 0.125,
    droppedTokens: 0,
    tokenShares: [1],
  };
  const row = { layer: 0, expert: 0, token_share: 1, grad_l2: 2, weight_l2: 3 };
  recorder(config, tables, () => {}).routed(7, [router], [row]);
  const text = (name: string) => readFileSync(join(dir, name), "utf8");
  const routers = "step,layer,entropy,balance_loss,z_loss,dropped_tokens\n7,0,0.5,0.25,0.125,0\n";
  expect(text("routers.csv")).toBe(routers);
  expect(text("experts.csv")).toBe("step,layer,expert,token_share,grad_l2,weight_l2\n7,0,0,1,2,3\n");
  expect(tables.sync()["routers.csv"]).toBe(routers.length); // a checkpoint remembers them like the others
  expect(Object.keys(tables.sync())).toContain("experts.csv");
  tables.close();
});

test("a run that is stopped and begun again has the same bytes in both", async () => {
  const config = configOf({ model: { moe }, train: { steps: 6 }, log: { grad_norms_every: 2 } });
  const ran = async (name: string, steps: number) => {
    const dir = join(root, name);
    const spec = { name, id: "0a1b2c3d", factors: {}, config };
    let asked = 0;
    await executeRun(spec, {
      dir,
      data: { baseDir: root, cacheDir: join(root, "cache") },
      tell: () => {},
      shouldStop: () => asked++ === steps,
    });
    const { experts, routers } = runFiles(dir);
    return [experts, routers].map((path) => readFileSync(path, "utf8"));
  };
  const whole = await ran("whole", Infinity);
  const [part] = await ran("parts", 3);
  expect(part!.split("\n").length).toBeLessThan(whole[0]!.split("\n").length);
  expect(await ran("parts", Infinity)).toEqual(whole);
});
