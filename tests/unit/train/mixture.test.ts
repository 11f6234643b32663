/** Training a mixture of experts: what its probes say, step by step and in files. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { probeFile } from "../../../src/runs/paths.ts";
import { executeRun } from "../../../src/train/run.ts";
import { expectClose } from "../close.ts";
import { configOf, measuredBy, type Story, storyOf } from "./markov-run.ts";

const root = mkdtempSync(join(tmpdir(), "hnorm-mixture-"));
afterAll(() => rmSync(root, { recursive: true }));

const moe = { n_experts: 4, top_k: 2 };
const mixture = (moe: object, train: object = {}) =>
  configOf({ norm: { name: "hybrid-star" }, model: { moe }, train, log: { grad_norms_every: 3 } });

const routersOf = (story: Story) => measuredBy(story, "routers.csv");
const expertsOf = (story: Story) => measuredBy(story, "experts.csv");

test("whenever the gradient's norms are measured so are routers and experts, and nothing of a dense model", async () => {
  const story = await storyOf(mixture(moe));
  expect(routersOf(story).map(([t]) => t)).toEqual([1, 3, 4]);
  expect(expertsOf(story).map(([t]) => t)).toEqual([1, 3, 4]);
  for (const [i, [t, routers]] of routersOf(story).entries()) {
    expect(routers.map(({ layer }) => layer)).toEqual([0, 1]);
    const experts = expertsOf(story)[i]![1];
    for (const { layer, entropy, dropped_tokens, balance_loss, z_loss } of routers) {
      expect(dropped_tokens).toBe(0);
      expect(entropy).toBeGreaterThan(0);
      expect(entropy).toBeLessThanOrEqual(Math.log(4) + 1e-12);
      const shares = experts.filter((row) => row.layer === layer).map(({ token_share }) => token_share!);
      expect(Math.max(...shares)).toBeLessThanOrEqual(1 / 2); // an expert takes a token once
      expectClose([sum(shares)], [1]);
      expect(Math.min(balance_loss!, z_loss!)).toBeGreaterThan(0);
    }
    expect(experts.map(({ layer, expert }) => [layer, expert])).toEqual(
      [0, 1].flatMap((layer) => [0, 1, 2, 3].map((expert) => [layer, expert])),
    );
    // Both tables divide the same squares differently: by expert, and by tensor.
    const [at, rows] = measuredBy(story, "grad_norms.csv")[i]!;
    expect(at).toBe(t);
    for (const column of ["grad_l2", "weight_l2"]) {
      const byExpert = experts.map((row) => row[column]! ** 2);
      const byTensor = rows
        .filter(({ tensor }) => tensor.includes("experts.*"))
        .map((row) => row[column]! ** 2);
      expect(byTensor).toHaveLength(6);
      expectClose([sum(byExpert)], [sum(byTensor)]);
    }
  }
  const dense = await storyOf(configOf());
  expect([...routersOf(dense), ...expertsOf(dense)]).toEqual([]);
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
  for (const [i, [, experts]] of expertsOf(whole).entries())
    expect(expertsOf(parts)[i]![1].map((row) => row.token_share)).toEqual(
      experts.map((row) => row.token_share),
    );
  for (const [i, [, routers]] of routersOf(whole).entries()) {
    for (const [layer, want] of routers.entries()) {
      const got = routersOf(parts)[i]![1][layer]!;
      expectClose([got.entropy!, got.z_loss!], [want.entropy!, want.z_loss!], 1e-12);
    }
  }
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
    return ["experts.csv", "routers.csv"].map((table) => readFileSync(probeFile(dir, table), "utf8"));
  };
  const whole = await ran("whole", Infinity);
  const [part] = await ran("parts", 3);
  expect(part!.split("\n").length).toBeLessThan(whole[0]!.split("\n").length);
  expect(await ran("parts", Infinity)).toEqual(whole);
});
