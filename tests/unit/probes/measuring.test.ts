/** What probes share: accumulation over micro-batches, and which of them a config turns on. */
import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { Tensor } from "../../../src/graph/graph.ts";
import { type ActiveProbe, activeProbes, tablesOf } from "../../../src/probes/active.ts";
import { probes } from "../../../src/probes/index.ts";
import { measuring } from "../../../src/probes/measuring.ts";
import type { Accumulation, Probe, Reading } from "../../../src/probes/probe.ts";
import { configOf } from "../train/markov-run.ts";
import { NOTHING } from "./measured.ts";

const pair: Tensor = { id: 0, shape: [2], dtype: "f32" };

/** A probe that accumulates the pair it is shown in each way. */
const eachWay = (): ActiveProbe => {
  const readings: Partial<Record<Accumulation, Reading>> = {};
  const probe: Probe = {
    summary: "",
    cite: "",
    params: z.unknown(),
    tables: { "t.csv": { over: "", first: "", second: "" } },
    taps: "due",
    measure: ({ output }) => ({
      tap({ value }) {
        for (const over of ["sum", "mean", "max"] as const) readings[over] = output(value, over);
      },
      rows: () => ({
        "t.csv": Object.entries(readings).map(([over, { value, values }]) => ({
          over,
          first: value,
          second: values[1],
        })),
      }),
    }),
  };
  return { name: "activations", probe, params: {}, due: () => true, steps: 1 };
};

describe("accumulation", () => {
  const begun = () => {
    const probe = eachWay();
    const at = measuring([probe], configOf().model);
    const names: string[] = [];
    const graph = { emit: () => [], gradient: () => {}, output: (name: string) => void names.push(name) };
    at.observe(graph)({ site: "embed", value: pair });
    const add = (...values: readonly number[]) =>
      at.add(Object.fromEntries(names.map((name) => [name, values])));
    return { begin: at.begin, add, rows: () => at.rows(probe, NOTHING)["t.csv"] };
  };

  test("the sum, the mean or the largest of each element, of the micro-batches since the step began", () => {
    const { begin, add, rows } = begun();
    for (const scale of [1, 10]) {
      begin();
      add(-3 * scale, 5 * scale);
      add(-1 * scale, 2 * scale);
      expect(rows()).toEqual([
        { over: "sum", first: -4 * scale, second: 7 * scale },
        { over: "mean", first: -2 * scale, second: 3.5 * scale },
        { over: "max", first: -1 * scale, second: 5 * scale },
      ]);
    }
  });

  test("a number that is none stays none", () => {
    const { begin, add, rows } = begun();
    begin();
    for (const x of [1, Number.NaN, 2]) add(x, 0);
    expect(rows()!.map(({ first }) => first)).toEqual([Number.NaN, Number.NaN, Number.NaN]);
  });
});

describe("which are on", () => {
  const names = (log: object) => activeProbes(configOf({ log })).map(({ name }) => name);
  const due = (log: object) =>
    activeProbes(configOf({ log, train: { steps: 12 } })).map((probe) =>
      Array.from({ length: 12 }, (_, i) => i + 1).filter((t) => probe.due(t)),
    );

  test("those by default, or the ones that are listed, or none", () => {
    expect(names({})).toEqual(["grad-norms"]);
    expect(names({ probes: ["activations", "routers"] })).toEqual(["activations"]);
    expect(names({ probes: [] })).toEqual([]);
  });

  test("each at the steps of log.grad_norms_every, or its own", () => {
    const probes = ["grad-norms", { name: "activations", every: 4 }];
    expect(due({ grad_norms_every: 6, probes })).toEqual([
      [1, 6, 12],
      [1, 4, 8, 12],
    ]);
  });
});

test("no two probes write into one table, and every column says what it is", () => {
  const all = Object.values<Probe>(probes);
  const files = all.flatMap(({ tables }) => Object.keys(tables));
  expect(new Set(files).size).toBe(files.length);
  expect(Object.keys(tablesOf(all.map((probe) => ({ probe }))))).toEqual(files);
  for (const probe of all) {
    for (const [file, columns] of Object.entries(probe.tables)) {
      expect(file).toMatch(/^[a-z_]+\.csv$/);
      for (const text of Object.values(columns)) expect(text).not.toBe("");
    }
    for (const { table } of probe.readers ?? []) expect(Object.keys(probe.tables)).toContain(table);
  }
});
