/** Stopped and killed at random points, a sweep ends with the bytes of one that was left alone. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { stream } from "../../src/lib/prng.ts";
import { file, finish, folder, hnorm, start, tiny } from "./hnorm.ts";

const COMPARED = ["metrics.csv", "eval.csv", "grad_norms.csv", "weights.safetensors"];
const CONFIG = {
  norm: "hybrid-star",
  train: { steps: 150, batch_size: 8, micro_batch_size: 4, lr: 0.01 },
  eval: { every: 20, tokens: 128, sets: { late: { protocol: "next-token-accuracy" } } },
  log: { grad_norms_every: 7 },
  checkpoint: { every: 9, keep: 2 },
};

/** The folder of the sweep's one run; a name that is not there before it has begun. */
function runOf(dir: string): string {
  const sweep = join(dir, "runs", "r");
  const names = existsSync(sweep) ? readdirSync(sweep) : [];
  return join(sweep, names.find((name) => name.startsWith("run-")) ?? "not yet");
}
const status = (dir: string) => JSON.parse(readFileSync(join(runOf(dir), "status.json"), "utf8"));
const checkpoints = (dir: string) => {
  const ckpt = join(runOf(dir), "ckpt");
  return existsSync(ckpt) ? readdirSync(ckpt).filter((n) => /^step-\d+$/.test(n)) : [];
};

/** Whether the run's process is at work. */
function running(dir: string): boolean {
  if (!existsSync(join(runOf(dir), "status.json"))) return false;
  const { state, pid } = status(dir);
  try {
    return state === "running" && process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function undisturbed(config: string): Promise<string> {
  const dir = folder();
  expect((await hnorm(dir, "sweep", file(dir, "r.yaml", config))).code).toBe(0);
  expect(checkpoints(dir)).toEqual([]); // gone once the run is done
  return runOf(dir);
}

function expectSameBytes(run: string, other: string): void {
  for (const name of COMPARED) {
    expect(readFileSync(join(run, name)).equals(readFileSync(join(other, name))), name).toBe(true);
  }
}

/** Starts the sweep and, once `ready`, does something to it; resolves when the sweep has ended. */
async function disturb(
  dir: string,
  ready: () => boolean,
  what: (parent: number) => void,
): Promise<number | null> {
  const child = start(dir, ["sweep", "r.yaml", "--retries", "0"]);
  const ended = finish(child);
  let over = false;
  void ended.then(() => {
    over = true;
  });
  while (!over && !ready()) await new Promise((resolve) => setTimeout(resolve, 5));
  if (!over) what(child.pid!);
  return (await ended).code;
}

describe.each(["cpu", "reference"])("on engine %s", (engine) => {
  test("Ctrl-C, then kill -9 of the run, then of the sweep, at random points: the same bytes", async () => {
    const config = tiny({ ...CONFIG, engine });
    const expected = await undisturbed(config);
    const dir = folder();
    file(dir, "r.yaml", config);
    const random = stream(7, `kills ${engine}`);
    const later = () => {
      const until = performance.now() + 50 + random.below(300);
      return () => running(dir) && checkpoints(dir).length > 0 && performance.now() > until;
    };
    const disturbances: ((parent: number) => void)[] = [
      (parent) => process.kill(parent, "SIGINT"),
      () => process.kill(status(dir).pid, "SIGKILL"),
      (parent) => process.kill(parent, "SIGKILL"),
      () => process.kill(status(dir).pid, "SIGKILL"),
    ];
    for (const what of disturbances) await disturb(dir, later(), what);
    // The child of a killed sweep may be at work still: it holds the run until it has saved, and this one waits for it.
    expect((await hnorm(dir, "sweep", "r.yaml")).code).toBe(0);
    expectSameBytes(runOf(dir), expected);
    expect(status(dir)).toMatchObject({ state: "done", step: 150 });
  }, 120_000);
});

test("a run of several parameter groups goes on with each group's own state, to the same bytes", async () => {
  const optimizer = [
    { roles: ["embedding", "head"], name: "adam", lr_factor: 0.5 },
    { params: ["*norm*"], beta1: 0.8, lr_factor: 3 },
    { weight_decay: 0.1 },
  ];
  const config = tiny({ ...CONFIG, train: { ...CONFIG.train, optimizer } });
  const expected = await undisturbed(config);
  const dir = folder();
  file(dir, "r.yaml", config);
  await disturb(
    dir,
    () => checkpoints(dir).length > 0,
    () => process.kill(status(dir).pid, "SIGKILL"),
  );
  expect((await hnorm(dir, "sweep", "r.yaml")).code).toBe(0);
  expectSameBytes(runOf(dir), expected);
  expect(status(dir)).toMatchObject({ state: "done", attempt: 2 });
});

test("rows past the checkpoint are moved aside, and a torn checkpoint is skipped with a line that says why", async () => {
  const config = tiny(CONFIG);
  const expected = await undisturbed(config);
  const dir = folder();
  file(dir, "r.yaml", config);
  await disturb(
    dir,
    () => checkpoints(dir).length > 1,
    () => process.kill(status(dir).pid, "SIGKILL"),
  );
  const run = runOf(dir);
  const newest = join(run, "ckpt", checkpoints(dir).toSorted().at(-1)!);
  truncateSync(join(newest, "state.safetensors"), 100);

  const { code, stderr } = await hnorm(dir, "sweep", "r.yaml");
  expect(code).toBe(0);
  expectSameBytes(run, expected);
  const why = "skipped: its tensors do not match their checksum";
  expect(stderr).toContain(why);
  expect(readFileSync(join(run, "log.jsonl"), "utf8")).toContain(why);
  const rewound = readFileSync(join(run, "metrics.rewound.csv"), "utf8");
  expect(rewound).toMatch(/^step,tokens,/);
  // What was measured twice was measured alike.
  const rows = rewound.trimEnd().split("\n").slice(1);
  for (const row of rows) expect(readFileSync(join(run, "metrics.csv"), "utf8")).toContain(`${row}\n`);
});

test("a checkpoint that is not complete, or of another run, is none: the run begins anew beside what was there", async () => {
  const config = tiny({ ...CONFIG, train: { ...CONFIG.train, steps: 40 } });
  const expected = await undisturbed(config);
  const dir = folder();
  file(dir, "r.yaml", config);
  await disturb(
    dir,
    () => checkpoints(dir).length > 0,
    () => process.kill(status(dir).pid, "SIGKILL"),
  );
  const run = runOf(dir);
  for (const name of checkpoints(dir)) rmSync(join(run, "ckpt", name, "COMPLETE"), { force: true });
  writeFileSync(join(run, "note.txt"), "kept");
  expect((await hnorm(dir, "sweep", "r.yaml")).code).toBe(0);
  expectSameBytes(run, expected);
  expect(readFileSync(join(run, "attempt-1", "note.txt"), "utf8")).toBe("kept");
  expect(status(dir)).toMatchObject({ state: "done", attempt: 2 });
});

test("an attempt that cannot even write its config is failed, whatever an earlier one had said", async () => {
  const dir = folder();
  file(dir, "r.yaml", tiny(CONFIG));
  await disturb(
    dir,
    () => running(dir) && checkpoints(dir).length > 0,
    (parent) => process.kill(parent, "SIGINT"),
  );
  expect(status(dir).state).toBe("interrupted");
  const config = join(runOf(dir), "config.resolved.json");
  rmSync(config);
  mkdirSync(config); // no file can be put there
  const { code, stdout, stderr } = await hnorm(dir, "sweep", "r.yaml");
  expect(code).toBe(3);
  expect(stdout).toContain("failed");
  expect(stderr).toContain("config.resolved.json");
  rmSync(config, { recursive: true });
  expect((await hnorm(dir, "sweep", "r.yaml")).code).toBe(0); // the checkpoint is still good
});

test("hnorm selftest resume proves it on a config of the user's, in every table of its probes", async () => {
  const dir = folder();
  const { code, stdout } = await hnorm(
    dir,
    "selftest",
    "resume",
    file(dir, "own.yaml", tiny()),
    "model.moe={n_experts: 4, top_k: 2}",
    "log.probes=[grad-norms, routers, experts, { name: activations, every: 3 }]",
    "--steps",
    "20",
  );
  expect(stdout).toMatch(/^resume: exact\. 20 steps straight, and 10 \+ kill/);
  expect(code).toBe(0);
});
