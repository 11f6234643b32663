/** Results of self-tests: remembered by device, and what `auto` makes of them. */
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cpu } from "../../../src/backends/cpu/cpu.ts";
import type { ChosenEngine } from "../../../src/backends/registry.ts";
import { saveSelfTest, selfTestCheck, selfTestResult } from "../../../src/train/self-test-result.ts";

const on = (device: string): ChosenEngine => ({
  name: "cuda",
  engine: { ...cpu, selfTestDevice: () => device },
  detail: device,
});
const silent = () => expect.fail("nothing is to be tested");
const cache = () => mkdtempSync(join(tmpdir(), "hnorm-self-tests-"));
const right = { ok: true, results: [] };
const off = (what: string, by: number) => ({ what, off: by, bound: 0.1 });
const wrong = {
  ok: false,
  results: [off("a", 0.05), off("b", 0.2), off("c", Infinity), off("d", 3), off("e", 2)],
};

test("an engine that nothing about a machine can spoil is taken untested", async () => {
  const plain: ChosenEngine = { name: "cpu", engine: cpu, detail: "" };
  expect(await selfTestCheck(cache(), silent)(plain)).toBeUndefined();
});

test("a result holds for its device and driver alone", async () => {
  const dir = cache();
  saveSelfTest(on("H200, driver 580"), right, dir);
  expect(selfTestResult(on("H200, driver 580"), dir)).toMatchObject({
    ok: true,
    faults: "",
    on: "H200, driver 580",
  });
  expect(selfTestResult(on("H200, driver 575"), dir)).toBeUndefined();
  expect(await selfTestCheck(dir, silent)(on("H200, driver 580"))).toBeUndefined();
});

test("wrong numbers are told, the worst first", async () => {
  const dir = cache();
  saveSelfTest(on("A100"), wrong, dir);
  expect(await selfTestCheck(dir, silent)(on("A100"))).toBe(
    "its self-test failed: c off by inf, more than 0.1; d off by 3.0, more than 0.1; " +
      "e off by 2.0, more than 0.1; and 1 more",
  );
});

/** A program that leaves this file where the result of `chosen` is looked for; each start is one more byte. */
function leaving(dir: string, chosen: ChosenEngine, more = "") {
  const example = cache();
  saveSelfTest(chosen, right, example);
  const [name] = readdirSync(join(example, "self-tests"));
  const [program, starts] = [join(dir, "child.mjs"), join(dir, "starts")];
  const lines = [
    'import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";',
    `appendFileSync(${JSON.stringify(starts)}, "x");`,
    more,
    `mkdirSync(${JSON.stringify(join(dir, "self-tests"))}, { recursive: true });`,
    `writeFileSync(${JSON.stringify(join(dir, "self-tests", name!))}, process.argv[2]);`,
  ];
  writeFileSync(program, lines.join("\n"));
  const text = readFileSync(join(example, "self-tests", name!), "utf8");
  return {
    run: (args = [text]) => ({ program, args, timeoutMs: 60_000 }),
    starts: () => readFileSync(starts, "utf8").length,
  };
}

test("an engine is tested once, in a process of its own, however many ask for it at once", async () => {
  const [dir, chosen] = [cache(), on("H200")];
  const { run, starts } = leaving(dir, chosen);
  const told: string[] = [];
  const check = selfTestCheck(
    dir,
    (line) => told.push(line),
    () => run(),
  );
  expect(await Promise.all([check(chosen), check(chosen)])).toEqual([undefined, undefined]);
  expect(await check(chosen)).toBeUndefined();
  expect(starts()).toBe(1);
  expect(told.toSorted()).toEqual([
    "running the self-test of engine cuda, once on this machine: H200",
    "waiting for another process that runs the self-test of engine cuda",
  ]);
});

test("a self-test that ends without a result says why, and so does one whose result is torn", async () => {
  const [dir, chosen] = [cache(), on("H200")];
  const { run, starts } = leaving(dir, chosen, "if (process.argv[2] === 'crash') throw new Error('no GPU');");
  const check = (...args: string[]) =>
    selfTestCheck(
      dir,
      () => {},
      () => run(args),
    )(chosen);
  expect(await check("crash")).toMatch(/^its self-test did not finish \(it ended by exit code 1: .*no GPU/);
  for (const torn of ["", "{", "null", '{"ok": 1}', '{"ok": true}'])
    expect(await check(torn)).toBe("its self-test did not finish (it ended by exit code 0)");
  expect(starts()).toBe(6);
});
