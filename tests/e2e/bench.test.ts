/** `hnorm bench` on engine cpu: what it prints, what it says to wrong input. Its numbers are no matter here. */
import { expect, test } from "vitest";
import { folder, hnorm } from "./hnorm.ts";

const MODEL = ["d_model=16", "n_layers=2", "n_heads=2", "ffn_dim=24", "vocab_size=16", "seq_len=8"];
const nano = [...MODEL.map((field) => `model.${field}`), "--engine", "cpu", "--micro-batch", "2"];

test("measures whole steps and says what they amount to", async () => {
  const args = ["--micro-batches", "3", "--steps", "4", "--warmup", "1", "--peak", "1e12", "--json"];
  const { code, stdout } = await hnorm(folder(), "bench", ...nano, ...args);
  expect(code).toBe(0);
  const got = JSON.parse(stdout);
  expect(got).toMatchObject({ engine: "cpu", norm: "pre", micro_batch: 2, micro_batches: 3 });
  expect(got.tokens_per_step).toBe(3 * 2 * 8);
  expect(got.step_ms.all).toHaveLength(4);
  expect(got.step_ms.least).toBeLessThanOrEqual(got.step_ms.median);
  expect(got.tokens_per_s).toBeCloseTo((1000 * got.tokens_per_step) / got.step_ms.median, 6);
  // 6 N + 12 L d T: the embedding table, 16 x 16, is only looked up in.
  expect(got.counted_parameters).toBe(got.parameters - 16 * 16);
  expect(got.flops_per_token).toBe(6 * got.counted_parameters + 12 * 2 * 16 * 8);
  expect(got.mfu).toBeCloseTo((got.tokens_per_s * got.flops_per_token) / 1e12, 12);
  expect(got.losses).toHaveLength(5);
  expect(got.losses.at(-1)).toBeLessThan(got.losses[0]); // the same tokens again and again
  expect(got.parts).toBeUndefined(); // this engine cannot tell
});

test("without --json as a text that states the formula; without a peak, no MFU", async () => {
  const { code, stdout } = await hnorm(folder(), "bench", ...nano, "--steps", "1", "--norm", "peri");
  expect(code).toBe(0);
  expect(stdout).toContain("no peak FLOP/s is known");
  expect(stdout).toMatch(/norm peri/);
  const measured = await hnorm(folder(), "bench", ...nano, "--steps", "1", "--peak", "1e12");
  expect(measured.stdout).toContain("(6 N + 12 L d T)");
});

test.each([
  [["--preset", "dense-2b"], "dense-2b"],
  [["--steps", "0", "--preset", "llama-9m"], "--steps: got 0; expected a whole number from 1"],
  [["--preset", "llama-9m", "norm=pre,post"], "expected one value"],
  [["--preset", "llama-9m", "train.lrr=1"], "train.lrr"],
])("wrong input %j: exit 2 and no stack", async (args, said) => {
  const { code, stderr } = await hnorm(folder(), "bench", ...args);
  expect(code).toBe(2);
  expect(stderr).toContain(said);
  expect(stderr).not.toMatch(/\bat .*\.js:/);
});
