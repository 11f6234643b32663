/** Bytes that change after they were written: never taken for what was measured, and always named. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { stream } from "../../src/lib/prng.ts";
import { file, finish, folder, hnorm, start, tiny } from "./hnorm.ts";

const STACK = /\n {4}at /;
const runsOf = (dir: string, sweep: string) => {
  const at = join(dir, "runs", sweep);
  const names = existsSync(at) ? readdirSync(at, { withFileTypes: true }) : [];
  return names.filter((entry) => entry.isDirectory()).map(({ name }) => join(at, name));
};
const edit = (path: string, change: (text: string) => string) =>
  writeFileSync(path, change(readFileSync(path, "utf8")));

test("a flipped byte in any file of a finished run is found, and its file named", async () => {
  const dir = folder();
  const { code } = await hnorm(dir, "sweep", file(dir, "t.yaml", tiny()));
  expect(code).toBe(0);
  const whole = await hnorm(dir, "verify", "--files", "runs");
  const noFolder = await hnorm(dir, "verify", "--files", "t.yaml");
  expect(noFolder).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^t\.yaml: no sweep and no run here\n$/),
  });
  expect([whole.code, whole.stdout]).toEqual([0, expect.stringMatching(/t\/run-\S+ +ok$/m)]);

  const [run] = runsOf(dir, "t");
  const random = stream(3, "flips");
  // What happened on the way, and not what was found.
  const aside = ["log.jsonl", "attempts.jsonl", "lease", "logs"];
  const files = readdirSync(run!).filter((name) => !aside.includes(name));
  expect(files).toContain("weights.safetensors");
  for (const name of files) {
    const path = join(run!, name);
    const before = readFileSync(path);
    const bytes = Uint8Array.from(before);
    bytes[random.below(bytes.length)]! ^= 1 + random.below(255);
    writeFileSync(path, bytes);
    const { code, stdout } = await hnorm(dir, "verify", "--files", run!);
    expect([code, stdout]).toEqual([4, expect.stringMatching(new RegExp(` ${name} changed$`, "m"))]);
    rmSync(path);
    const gone = await hnorm(dir, "verify", "--files", run!);
    const expected = name === "DONE" ? [0, "not finished"] : [4, `${name} missing`];
    expect([gone.code, gone.stdout]).toEqual([expected[0], expect.stringContaining(String(expected[1]))]);
    writeFileSync(path, before);
  }
  expect((await hnorm(dir, "verify", "--files", "runs/t")).code).toBe(0);
}, 120_000);

test("sweep, results, report and verify name a finished run that has lost or changed files, and exit 3", async () => {
  const dir = folder();
  const expectations = { expect: [{ val_ppl: { below: 1000 } }] };
  const config = file(dir, "t.yaml", tiny({ ...expectations, train: { steps: 2, batch_size: 4, lr: 0.01 } }));
  expect((await hnorm(dir, "sweep", config)).code).toBe(0);
  const [run] = runsOf(dir, "t");
  const commands = [
    ["results", "runs/t"],
    ["report", "runs/t"],
    ["verify", config],
    ["sweep", config],
  ];
  const harms: readonly (readonly [what: RegExp, file: string, harm: (path: string) => void])[] = [
    [/metrics\.csv changed/, "metrics.csv", (path) => edit(path, (text) => text.replace(/\d\n$/, "x\n"))],
    [/eval\.csv missing/, "eval.csv", (path) => rmSync(path)],
    [/status\.json missing/, "status.json", (path) => rmSync(path)],
    ...["null", "{}", "[]", '{"state": 1}', '{"state": "done", "val_ppl": "x"}', ""].map(
      (text) => [/status\.json changed/, "status.json", (path: string) => writeFileSync(path, text)] as const,
    ),
  ];
  for (const [what, name, harm] of harms) {
    const path = join(run!, name);
    const before = readFileSync(path);
    harm(path);
    for (const command of commands.slice(0, what.source.includes("changed") ? 1 : 4)) {
      const { code, stdout, stderr } = await hnorm(dir, ...command);
      expect(stderr, command.join(" ")).toMatch(what);
      expect(stdout + stderr).not.toMatch(STACK);
      expect(code, command.join(" ")).toBe(3);
    }
    writeFileSync(path, before);
  }
  // Of a version without checksums: what must be there is.
  writeFileSync(join(run!, "DONE"), "done\n");
  expect((await hnorm(dir, "verify", "--files", "runs/t")).stdout).toMatch(/no checksums/);
  rmSync(join(run!, "status.json"));
  const { code, stderr } = await hnorm(dir, "results", "runs/t");
  expect([code, stderr]).toEqual([
    3,
    expect.stringMatching(/run-\S+: not as it was .*: status\.json missing/),
  ]);
}, 120_000);

test.each([
  [
    "the step of a checkpoint",
    "checkpoint.json does not match its checksum",
    "checkpoint.json",
    /("step": \d)\d/,
  ],
  ["its data", "checkpoint.json does not match its checksum", "checkpoint.json", /("data_fingerprint": ")\w/],
  ["a digit of a table", "metrics.csv has changed", "metrics.csv", /(\n3,[^\n]*)\d/],
])(
  "%s changed while the run was stopped: skipped with a line, and the same bytes in the end",
  async (_, why, name, what) => {
    const config = tiny({
      train: { steps: 600, batch_size: 4, lr: 0.01 },
      checkpoint: { every: 10, keep: 2 },
    });
    const whole = folder();
    expect((await hnorm(whole, "sweep", file(whole, "r.yaml", config))).code).toBe(0);
    const dir = folder();
    const child = start(dir, ["sweep", file(dir, "r.yaml", config), "--retries", "0"]);
    const ended = finish(child);
    const checkpoints = () => {
      const [run] = runsOf(dir, "r");
      const at = join(run ?? dir, "ckpt");
      return existsSync(at) ? readdirSync(at).filter((entry) => /^step-\d+$/.test(entry)) : [];
    };
    while (checkpoints().length < 2) await new Promise((resolve) => setTimeout(resolve, 2));
    child.kill("SIGTERM");
    await ended;
    const [run] = runsOf(dir, "r");
    expect(existsSync(join(run!, "DONE"))).toBe(false);
    const newest = join(run!, "ckpt", checkpoints().toSorted().at(-1)!);
    edit(join(name.endsWith(".json") ? newest : run!, name), (text) =>
      text.replace(what, (_, before) => `${before}${text.includes(`${before}5`) ? "6" : "5"}`),
    );
    const { code, stderr } = await hnorm(dir, "sweep", "r.yaml");
    expect(stderr).toContain(`skipped: ${why}`);
    expect(code).toBe(0);
    for (const table of ["metrics.csv", "eval.csv", "grad_norms.csv", "weights.safetensors"]) {
      const expected = readFileSync(join(runsOf(whole, "r")[0]!, table));
      expect(readFileSync(join(run!, table)).equals(expected), table).toBe(true);
    }
  },
  120_000,
);
