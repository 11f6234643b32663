/** What `hnorm status` makes of what lies in a run's folder, sound or not, and of a sweep's runs together. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { sweepLine } from "../../../src/cli/tables/status-text.ts";
import { viewRun } from "../../../src/report/status/run-view.ts";
import { viewSweep } from "../../../src/report/status/sweep-view.ts";
import { lastRows } from "../../../src/runs/last-rows.ts";
import type { LeaseView } from "../../../src/runs/lease.ts";
import { NO_SNAPSHOT, type RunSnapshot, readSnapshot } from "../../../src/runs/snapshot.ts";
import type { RunStatus } from "../../../src/runs/status.ts";
import { loadSweep, type Run } from "../../../src/sweep/expand.ts";
import { folderOf, GOOD } from "../config/files.ts";

const runs = (seeds: number): readonly Run[] =>
  loadSweep(join(folderOf({ "x.yaml": `${GOOD}sweep: { seeds: ${seeds} }\n` }), "x.yaml"), []).runs;

const status = (changes: Partial<RunStatus>): RunStatus => ({
  ...{
    state: "running",
    attempt: 2,
    run: "r",
    id: "i",
    pid: 7,
    host: "here",
    started: "2026-01-01T00:00:00Z",
  },
  ...changes,
});
const lease = (changes: Partial<LeaseView> = {}): LeaseView => ({
  host: "node7",
  pid: 7,
  started: null,
  boot: null,
  machine: null,
  pid_namespace: null,
  attempt: 2,
  nonce: "n",
  since: "2026-01-01T00:00:00Z",
  held: true,
  beat: "1",
  ...changes,
});
const timing = [1, 2, 3, 4].map((step) => ({ step, wall_s: step * 0.5, step_s: 0.4 }));
const metrics = [{ step: 4, train_loss: 2.5 }];

test.each<[label: string, look: Partial<RunSnapshot>, silent?: boolean]>([
  ["queued", {}],
  ["running", { leaseState: "alive", lease: lease() }],
  ["running", { leaseState: "elsewhere", lease: lease(), status: status({ state: "failed", attempt: 1 }) }],
  ["stale: no heartbeat from node7", { leaseState: "elsewhere", lease: lease(), status: status({}) }, true],
  ["stale: its process has died", { leaseState: "dead", lease: lease(), status: status({}) }],
  [
    "stale: its process has died",
    { leaseState: "dead", lease: lease(), status: status({ state: "failed", attempt: 1 }) },
  ],
  [
    "failed: memory",
    { leaseState: "dead", lease: lease(), status: status({ state: "failed" }), cause: "memory" },
  ],
  ["failed", { status: status({ state: "failed" }) }],
  ["interrupted", { status: status({ state: "interrupted" }) }],
  ["stale: its process has died", { status: status({}) }],
  ["stale: its process has died", { status: status({ state: "done" }) }],
  ["done", { finished: true }],
  ["done", { finished: true, status: status({ state: "done" }) }],
  ["diverged@6", { finished: true, status: status({ state: "diverged", step: 6 }) }],
])("%s", (label, look, silent = false) => {
  const [run] = runs(1);
  const view = viewRun(run!, { ...NO_SNAPSHOT, ...look }, silent);
  expect(view.label).toBe(label);
  expect(label.startsWith(view.state)).toBe(true);
});

test("a running run: where, how far, how fast, how long", () => {
  const [run] = runs(1); // 10 steps of 4 x 32 tokens
  const held = lease({ slot: "3", slurm: { job: "12", task: "4" } });
  const view = viewRun(run!, {
    ...NO_SNAPSHOT,
    leaseState: "elsewhere",
    lease: held,
    metrics,
    timing,
    status: status({ step: 1 }),
  });
  expect(view).toMatchObject({
    attempt: 2,
    host: "node7",
    slot: "3",
    job: "12_4",
    step: 4,
    steps: 10,
    loss: 2.5,
  });
  expect(view.stepsPerSecond).toBeCloseTo(2);
  expect(view.tokensPerSecond).toBeCloseTo(256);
  expect(view.etaSeconds).toBeCloseTo(3);
});

test("the clock of an attempt begins anew; what came before does not count", () => {
  const [run] = runs(1);
  const rows = [
    { step: 3, wall_s: 900, step_s: 9 },
    ...timing.map((row) => ({ ...row, step: row.step + 3 })),
  ];
  const view = viewRun(run!, { ...NO_SNAPSHOT, leaseState: "alive", lease: lease(), metrics, timing: rows });
  expect(view.stepsPerSecond).toBeCloseTo(2);
});

test("a sweep ends when its runs, at the pace of those that are running, have done what is left", () => {
  const all = runs(4);
  const looks: readonly Partial<RunSnapshot>[] = [
    { finished: true },
    { leaseState: "alive", lease: lease(), metrics, timing },
    { leaseState: "alive", lease: lease(), metrics, timing },
    {},
  ];
  const views = all.map((run, i) => viewRun(run, { ...NO_SNAPSHOT, ...looks[i] }));
  const sweep = viewSweep("s", all, views);
  expect(sweep.counts).toMatchObject({ done: 1, running: 2, queued: 1, failed: 0 });
  expect([sweep.step, sweep.steps, sweep.over]).toEqual([18, 40, false]);
  expect(sweep.etaSeconds).toBeCloseTo((6 + 6 + 10) / 4);
  const ended = views.map((view) => ({ ...view, state: "done" as const }));
  expect(viewSweep("s", all, ended)).toMatchObject({ over: true, step: 40 });
});

test("the line of a sweep says why it does not know when it ends", () => {
  const all = runs(2);
  const line = (look: Partial<RunSnapshot>) =>
    sweepLine(
      viewSweep(
        "s",
        all,
        all.map((run) => viewRun(run, { ...NO_SNAPSHOT, ...look })),
      ),
    );
  expect(line({})).toMatch(/2 queued; step 0 of 20; ETA unknown: nothing is running$/);
  expect(line({ leaseState: "alive", lease: lease() })).toMatch(
    /2 running; step 0 of 20; ETA not known yet$/,
  );
});

test("whatever lies in the folder, looking at it does not throw", () => {
  const [run] = runs(1);
  const rubbish = [
    "",
    "{",
    "7",
    "null",
    "[1]",
    '{"state": 7}',
    '{"state": "running", "step": "x", "train_loss": null}',
    "\0\0",
  ];
  for (const text of rubbish) {
    const dir = folderOf({
      "status.json": text,
      "metrics.csv": text,
      "timing.csv": `step,wall_s\n1,2\n3,4,5\n6,`,
      "lease/000001/owner.json": text,
      "lease/000001/held/beat": text,
      "lease/x": "",
    });
    const view = viewRun(run!, readSnapshot(dir));
    expect(view.steps).toBe(10);
    expect(typeof view.step).toBe("number");
  }
  const folders = folderOf({});
  for (const name of ["status.json", "metrics.csv", "timing.csv", "lease"]) mkdirSync(join(folders, name));
  expect(viewRun(run!, readSnapshot(folders)).state).toBe("queued");
  expect(viewRun(run!, readSnapshot(join(folders, "nowhere"))).state).toBe("queued");
});

test("the last rows of a table, of which a writer has written a part", () => {
  const dir = folderOf({
    "t.csv": "step,loss\n1,2.5\n2,nan\n3,inf\n4,\n5,1.2",
    "empty.csv": "",
    "head.csv": "step,lo",
  });
  const rows = lastRows(join(dir, "t.csv"));
  expect(rows).toEqual(
    [1, 2, 3, 4].map((step, i) => ({ step, loss: [2.5, Number.NaN, Infinity, Number.NaN][i] })),
  );
  expect(lastRows(join(dir, "empty.csv"))).toEqual([]);
  expect(lastRows(join(dir, "head.csv"))).toEqual([]);
  const long = Array.from({ length: 5000 }, (_, i) => `${i + 1},0.5\n`).join("");
  writeFileSync(join(dir, "long.csv"), `step,loss\n${long}`);
  expect(lastRows(join(dir, "long.csv")).at(-1)).toEqual({ step: 5000, loss: 0.5 });
});
