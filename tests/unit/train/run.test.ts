/** A whole run into its folder. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { RunConfig } from "../../../src/config/schema.ts";
import { readSafetensors } from "../../../src/lib/safetensors.ts";
import { listParameters } from "../../../src/model/graphs.ts";
import { probeFile, runFiles } from "../../../src/runs/paths.ts";
import { isFinished, readStatus } from "../../../src/runs/status.ts";
import type { RunEvent } from "../../../src/train/events.ts";
import { executeRun } from "../../../src/train/run.ts";
import { configOf } from "./markov-run.ts";

const root = mkdtempSync(join(tmpdir(), "hnorm-run-"));
afterAll(() => rmSync(root, { recursive: true }));

async function ran(config: RunConfig, name: string, shouldStop: () => boolean = () => false) {
  const dir = join(root, name);
  const events: RunEvent[] = [];
  const spec = { name, id: "0a1b2c3d", factors: {}, config };
  const data = { baseDir: root, cacheDir: join(root, "cache") };
  const status = (await executeRun(spec, { dir, data, tell: (event) => events.push(event), shouldStop }))!;
  return { dir, status, events, files: runFiles(dir) };
}
const text = (path: string) => readFileSync(path, "utf8");
const rows = (path: string) => text(path).trimEnd().split("\n").slice(1);

type Files = ReturnType<typeof runFiles>;
const norms = ({ dir }: Files) => probeFile(dir, "grad_norms.csv");
const reproducible = (files: Files) => [files.metrics, files.evaluations, norms(files), files.weights];
const expectSameBytes = (a: Files, b: Files) =>
  reproducible(a).forEach((path, i) => {
    expect(readFileSync(path).equals(readFileSync(reproducible(b)[i]!)), path).toBe(true);
  });

const config = configOf({ norm: { name: "hybrid" }, eval: { every: 2 }, log: { grad_norms_every: 3 } });

describe("a run that ends well", async () => {
  const { dir, status, events, files } = await ran(config, "good");

  test("leaves every file, and DONE", () => {
    const others = [dir, files.checkpoints, files.logs];
    const expected = [...Object.values(files).filter((path) => !others.includes(path)), norms(files)];
    for (const path of expected) expect(existsSync(path), path).toBe(true);
    expect(readdirSync(dir)).toHaveLength(expected.length);
    expect(isFinished(dir)).toBe(true);
  });

  test("has a status that says so, the numbers it is ranked by, and what it was", () => {
    expect(readStatus(dir)).toEqual(status);
    expect(status).toMatchObject({
      state: "done",
      attempt: 1,
      id: "0a1b2c3d",
      engine: "reference",
      step: 4,
      steps: 4,
    });
    expect(status.tokens).toBe(4 * 8 * 8);
    const [last] = rows(files.evaluations)
      .slice(-1)
      .map((row) => row.split(",").map(Number));
    expect(status.val_loss).toBeCloseTo(last![3]!, 8);
    const norms = rows(files.metrics).map((row) => Number(row.split(",")[5]));
    expect(status.max_grad_norm).toBeCloseTo(Math.max(...norms), 8);
    expect(JSON.parse(text(files.config))).toMatchObject({
      id: "0a1b2c3d",
      config: JSON.parse(JSON.stringify(config)),
    });
  });

  test("has the rows it should have", () => {
    expect(rows(files.metrics).map((row) => row.split(",")[0])).toEqual(["1", "2", "3", "4"]);
    expect(rows(files.evaluations).map((row) => row.split(",")[0])).toEqual(["2", "4"]);
    const steps = new Set(rows(norms(files)).map((row) => row.split(",")[0]));
    expect([...steps]).toEqual(["1", "3", "4"]);
    const perStep = listParameters(config).length + config.model.n_layers;
    expect(rows(norms(files))).toHaveLength(3 * perStep);
  });

  test("has weights in f32 or f64 under their names, and events from first to last", async () => {
    const weights = await readSafetensors(files.weights);
    expect([...weights].map(([name, { shape }]) => [name, shape])).toEqual(
      listParameters(config).map(({ name, shape }) => [name, shape]),
    );
    expect(events.filter(({ kind }) => kind === "step")).toHaveLength(4);
    expect(events.at(-1)).toEqual({ kind: "end", status });
  });

  test("done again, writes the same bytes into everything that no clock touches", async () => {
    const again = await ran(config, "again");
    expectSameBytes(again.files, files);
  });
});

test("a run that diverges is finished: its result is where it broke", async () => {
  const train = { steps: 50, lr: 1e200, schedule: "constant", grad_clip: null };
  const { dir, status, files } = await ran(configOf({ train, log: { every: 1000 } }), "diverged");
  expect(status).toMatchObject({ state: "diverged", message: expect.stringMatching(/is (NaN|-?Infinity)/) });
  expect(isFinished(dir)).toBe(true);
  expect(existsSync(files.weights)).toBe(false);
  const last = rows(files.metrics).at(-1)!; // there, though only every thousandth was asked for
  expect(last.split(",")[0]).toBe(String(status.step));
  expect(last).toMatch(/nan|inf/);
});

test("a run that is stopped saves its state; begun again it goes on there, to the same bytes", async () => {
  let asked = 0;
  const first = await ran(config, "stopped", () => ++asked > 2);
  expect(first.status).toMatchObject({ state: "interrupted", step: 2, attempt: 1 });
  expect(isFinished(first.dir)).toBe(false);
  expect(rows(first.files.metrics)).toHaveLength(2);
  const second = await ran(config, "stopped");
  expect(second.status).toMatchObject({ state: "done", step: 4, attempt: 2 });
  expect(existsSync(first.files.checkpoints)).toBe(false); // gone with the end of the run
  const whole = await ran(config, "whole");
  expectSameBytes(second.files, whole.files);
});

test("a probe may be turned on and off from one start to the next: its table never has a step twice", async () => {
  const probed = (...probes: readonly string[]) =>
    configOf({ train: { steps: 6 }, log: { grad_norms_every: 1, probes } });
  const stopAfter = (steps: number) => {
    let asked = 0;
    return () => ++asked > steps;
  };
  const activations = (dir: string) =>
    rows(probeFile(dir, "activations.csv")).map((row) => Number(row.split(",")[0]));
  const { dir, files } = await ran(probed("grad-norms"), "on-and-off", stopAfter(2));
  const [checkpoint] = readdirSync(files.checkpoints);
  await ran(probed("activations"), "on-and-off", stopAfter(2)); // steps 3 and 4, which only the next checkpoint knows of
  expect(new Set(activations(dir))).toEqual(new Set([3, 4]));
  for (const later of readdirSync(files.checkpoints))
    if (later !== checkpoint) rmSync(join(files.checkpoints, later), { recursive: true });
  const { status } = await ran(probed("activations", "grad-norms"), "on-and-off");
  expect(status).toMatchObject({ state: "done", step: 6 });
  const sites = 1 + 2 * 3;
  expect(activations(dir)).toEqual([3, 4, 5, 6].flatMap((step) => Array.from({ length: sites }, () => step)));
  expect(text(probeFile(dir, "activations.csv"))).toMatch(/^step,layer,site,rms\n3,,embed,/);
  expect(new Set(rows(norms(files)).map((row) => row.split(",")[0]))).toEqual(
    new Set(["1", "2", "3", "4", "5", "6"]),
  );
});

test("a run that cannot be done fails with the reason, for that run alone", async () => {
  const { dir, status, events } = await ran(configOf({ model: { vocab_size: 3 } }), "small-vocabulary");
  expect(status).toMatchObject({
    state: "failed",
    message: "model.vocab_size: got 3, but the corpus has 4 token ids; give at least that many",
  });
  expect(readStatus(dir)).toEqual(status);
  expect(isFinished(dir)).toBe(false);
  expect(events.at(-1)).toEqual({ kind: "end", status });
});

test("a folder that cannot be made is the one thing that throws", async () => {
  writeFileSync(join(root, "file"), "");
  await expect(ran(config, "file/run")).rejects.toThrow("ENOTDIR");
});
