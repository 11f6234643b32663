/** Verdicts of trials: remembered by device, and what `auto` makes of them. */
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cpu } from "../../../src/backends/cpu/cpu.ts";
import type { ChosenEngine } from "../../../src/backends/registry.ts";
import { remember, trials, verdictOn } from "../../../src/train/verdict.ts";

const on = (device: string): ChosenEngine => ({
  name: "cuda",
  engine: { ...cpu, trialOn: () => device },
  detail: device,
});
const silent = () => expect.fail("nothing is to be tried");
const cache = () => mkdtempSync(join(tmpdir(), "hnorm-verdicts-"));
const right = { ok: true, results: [] };
const off = (what: string, by: number) => ({ what, off: by, bound: 0.1 });
const wrong = {
  ok: false,
  results: [off("a", 0.05), off("b", 0.2), off("c", Infinity), off("d", 3), off("e", 2)],
};

test("an engine that nothing about a machine can spoil is taken untried", async () => {
  const plain: ChosenEngine = { name: "cpu", engine: cpu, detail: "" };
  expect(await trials(cache(), silent)(plain)).toBeUndefined();
});

test("a verdict holds for its device and driver alone", async () => {
  const dir = cache();
  remember(on("H200, driver 580"), right, dir);
  expect(verdictOn(on("H200, driver 580"), dir)).toMatchObject({
    ok: true,
    faults: "",
    on: "H200, driver 580",
  });
  expect(verdictOn(on("H200, driver 575"), dir)).toBeUndefined();
  expect(await trials(dir, silent)(on("H200, driver 580"))).toBeUndefined();
});

test("wrong numbers are told, the worst first", async () => {
  const dir = cache();
  remember(on("A100"), wrong, dir);
  expect(await trials(dir, silent)(on("A100"))).toBe(
    "its numbers are wrong on this machine: c off by Infinity, more than 0.1; d off by 3.0, more than 0.1; " +
      "e off by 2.0, more than 0.1; and 1 more",
  );
});

/** A program that leaves this file where the verdict on `chosen` is looked for; each start is one more byte. */
function leaving(dir: string, chosen: ChosenEngine, more = "") {
  const example = cache();
  remember(chosen, right, example);
  const [name] = readdirSync(join(example, "trials"));
  const [program, starts] = [join(dir, "child.mjs"), join(dir, "starts")];
  const lines = [
    'import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";',
    `appendFileSync(${JSON.stringify(starts)}, "x");`,
    more,
    `mkdirSync(${JSON.stringify(join(dir, "trials"))}, { recursive: true });`,
    `writeFileSync(${JSON.stringify(join(dir, "trials", name!))}, process.argv[2]);`,
  ];
  writeFileSync(program, lines.join("\n"));
  const text = readFileSync(join(example, "trials", name!), "utf8");
  return {
    run: (args = [text]) => ({ program, args, timeoutMs: 60_000 }),
    starts: () => readFileSync(starts, "utf8").length,
  };
}

test("an engine is tried once, in a process of its own, however many ask for it at once", async () => {
  const [dir, chosen] = [cache(), on("H200")];
  const { run, starts } = leaving(dir, chosen);
  const told: string[] = [];
  const check = trials(
    dir,
    (line) => told.push(line),
    () => run(),
  );
  expect(await Promise.all([check(chosen), check(chosen)])).toEqual([undefined, undefined]);
  expect(await check(chosen)).toBeUndefined();
  expect(starts()).toBe(1);
  expect(told.toSorted()).toEqual([
    "trying engine cuda on this machine, once: H200",
    "waiting for another process that tries engine cuda",
  ]);
});

test("a trial that ends without a verdict says why, and so does one whose verdict is torn", async () => {
  const [dir, chosen] = [cache(), on("H200")];
  const { run, starts } = leaving(dir, chosen, "if (process.argv[2] === 'crash') throw new Error('no GPU');");
  const check = (...args: string[]) =>
    trials(
      dir,
      () => {},
      () => run(args),
    )(chosen);
  expect(await check("crash")).toMatch(/^its trial gave no verdict \(it ended by exit code 1: .*no GPU/);
  for (const torn of ["", "{", "null", '{"ok": 1}', '{"ok": true}'])
    expect(await check(torn)).toBe("its trial gave no verdict (it ended by exit code 0)");
  expect(starts()).toBe(6);
});
