import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openTables } from "../../../src/runs/tables.ts";
import type { RunEvent } from "../../../src/train/events.ts";
import { recorder } from "../../../src/train/recorder.ts";
import { csvTables } from "../../../src/train/sinks/csv-tables.ts";
import { progressEvents } from "../../../src/train/sinks/progress-events.ts";
import type { Sink } from "../../../src/train/sinks/sink.ts";
import type { StepResult } from "../../../src/train/step.ts";
import { configOf } from "./markov-run.ts";

const root = mkdtempSync(join(tmpdir(), "hnorm-recorder-"));
afterAll(() => rmSync(root, { recursive: true }));

const result = (loss: number | undefined, gradNorm: number): StepResult => ({
  loss,
  gradNorm,
  lr: 0.01,
  clipCoefficient: 1,
  measured: [],
});

/** What is recorded of these steps: the steps in metrics.csv, the summary, the events. */
function recorded(name: string, every: number, steps: readonly StepResult[]) {
  const dir = mkdtempSync(join(root, name));
  const tables = openTables(dir);
  const events: RunEvent[] = [];
  const config = configOf({ train: { steps: 10, batch_size: 8 }, log: { every } });
  const recording = recorder(config, [
    csvTables(config.log, tables),
    progressEvents((event) => events.push(event)),
  ]);
  recording.started([{ name: "w", shape: [3, 5], role: "q", active: 1 }]);
  steps.forEach((step, i) => {
    recording.stepped(i + 1, step);
  });
  tables.close();
  const lines = readFileSync(join(dir, "metrics.csv"), "utf8").trimEnd().split("\n").slice(1);
  return { logged: lines.map((line) => Number(line.split(",")[0])), summary: recording.summary(), events };
}

test("rows every so many steps, and at the first and the last", () => {
  const steps = Array.from({ length: 10 }, () => result(1, 1));
  expect(recorded("every", 4, steps).logged).toEqual([1, 4, 8, 10]);
});

test("and where a number breaks: the loss or the gradient's norm", () => {
  const broken = (loss: number, norm: number) =>
    recorded("broken", 100, [result(1, 1), result(1, 1), result(loss, norm)]);
  expect(broken(Number.NaN, 1).logged).toEqual([1, 3]);
  expect(broken(1, Infinity).logged).toEqual([1, 3]);
});

test("the summary: the last step's loss, the largest norm of any, the tokens so far", () => {
  const { summary, events } = recorded("summary", 1, [result(3, 1), result(2, 5), result(1, 2)]);
  expect(summary).toEqual({
    step: 3,
    steps: 10,
    tokens: 3 * 64,
    parameters: 15,
    train_loss: 1,
    max_grad_norm: 5,
  });
  expect(events.map((event) => event.kind)).toEqual(["step", "step", "step"]);
  expect(events[1]).toMatchObject({ step: 2, steps: 10, loss: 2 });
});

test("a norm that is not a number is the largest of all, whatever comes after", () => {
  const { summary } = recorded("nan", 1, [result(3, 1), result(2, Number.NaN), result(1, 2)]);
  expect(summary.max_grad_norm).toBeNaN();
});

test("every sink is told of steps, of what was measured at them, and of evaluations; none has to listen", () => {
  const told: unknown[] = [];
  const all: Sink = {
    stepped: ({ step, loss, tokens }) => told.push(["stepped", step, loss, tokens]),
    measured: (step, table, rows) => told.push(["measured", step, table, rows]),
    evaluated: (step, { split }, { scores }) => told.push(["evaluated", step, split, scores.loss]),
  };
  const recording = recorder(configOf(), [all, {}, all]);
  const rows = [{ layer: 0, entropy: 0.5 }];
  recording.stepped(7, { ...result(3, 1), measured: [{ "a.csv": rows }, { "b.csv": [], "c.csv": rows }] });
  const evaluation = { scores: { loss: 2, ppl: 7, bits_per_byte: 1 }, tokens: 10, bytes: 20 };
  recording.evaluated(7, { split: "other", protocol: "packed-v1" }, evaluation);
  const once = [
    ["stepped", 7, 3, 7 * 64],
    ["measured", 7, "a.csv", rows],
    ["measured", 7, "b.csv", []],
    ["measured", 7, "c.csv", rows],
  ];
  const judged = ["evaluated", 7, "other", 2];
  expect(told).toEqual([...once, ...once, judged, judged]);
  expect(recording.summary()).not.toHaveProperty("val_loss"); // of the main set alone
});

test("a step without a loss has an empty cell, and the summary keeps the last one there was", () => {
  const { logged, summary, events } = recorded("without", 1, [result(3, 1), result(undefined, 0)]);
  expect(logged).toEqual([1, 2]);
  expect(summary).toMatchObject({ step: 2, train_loss: 3 });
  expect(events.at(-1)).not.toHaveProperty("loss");
});
