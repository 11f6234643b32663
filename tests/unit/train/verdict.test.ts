/** Verdicts of trials: remembered by device, and what `auto` makes of them. */
import { mkdtempSync } from "node:fs";
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
  await remember(on("H200, driver 580"), right, dir);
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
  await remember(on("A100"), wrong, dir);
  expect(await trials(dir, silent)(on("A100"))).toBe(
    "its numbers are wrong on this machine: c off by Infinity, more than 0.1; d off by 3.0, more than 0.1; " +
      "e off by 2.0, more than 0.1; and 1 more",
  );
});
