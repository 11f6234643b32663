/** A large sweep is cheap to look at: what its runs have in common is computed once, counted here rather than timed. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { chooseEngine } from "../../../src/backends/registry.ts";
import { costs } from "../../../src/local/costs.ts";
import { loadSweep } from "../../../src/sweep/expand.ts";
import { forecast } from "../../../src/train/forecast.ts";
import { folderOf, GOOD } from "../config/files.ts";

/** The configs of a sweep, and how many forecasts (each builds a run's graphs) they take. */
async function forecasts(sweep: unknown) {
  const file = join(folderOf({ "x.yaml": GOOD + stringify({ engine: "reference", sweep }) }), "x.yaml");
  const configs = loadSweep(file, []).runs.map(({ config }) => config);
  let built = 0;
  const found = await costs(configs, chooseEngine, (workload, engine) => {
    built++;
    return forecast(workload, engine);
  });
  return { configs, built, found };
}

test("runs that differ in the seed, the rate or the schedule share one forecast", async () => {
  const { configs, built, found } = await forecasts({
    grid: { "train.lr": [0.1, 0.2, 0.3], "train.schedule": ["cosine", "linear"] },
    seeds: 50,
  });
  expect([configs.length, built]).toEqual([300, 1]);
  expect(new Set(found.map(({ totalFlops }) => totalFlops)).size).toBe(1);
});

test("each model, norm and length has its own", async () => {
  const { configs, built, found } = await forecasts({
    grid: { norm: ["pre", "post"], "model.n_layers": [1, 2], "train.steps": [5, 6] },
    seeds: 3,
  });
  expect([configs.length, built]).toEqual([24, 8]);
  for (const [i, config] of configs.entries()) {
    const cost = found[i]!;
    expect(cost).toMatchObject(forecast(config, cost.chosen.engine));
  }
});

test("runs of a sweep share the sections that they do not differ in", () => {
  const file = join(folderOf({ "x.yaml": GOOD + stringify({ sweep: { seeds: 3 } }) }), "x.yaml");
  const [a, b] = loadSweep(file, []).runs as [never, never];
  for (const section of ["model", "norm", "init", "data", "engine"] as const)
    expect((a as { config: Record<string, unknown> }).config[section]).toBe(
      (b as { config: Record<string, unknown> }).config[section],
    );
});
