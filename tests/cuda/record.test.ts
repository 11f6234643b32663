/** scripts/cuda/record.js from end to end on the emulated GPU: its parts run, and one that fails costs no other. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { folder } from "../e2e/hnorm.ts";
import { environment, missing, reason } from "./engine.ts";

const SCRIPT = fileURLToPath(new URL("../../scripts/cuda/record.js", import.meta.url));

describe.skipIf(missing)(reason, () => {
  test("a record of what works and what does not", () => {
    const dir = folder();
    const out = join(dir, "record.json");
    const parts = "machine,warpgroups,nonsense,limits,curve,steps";
    const sizes = ["--small", "--steps", "1", "--presets", "llama-9m", "--micro-batch", "llama-9m=2"];
    const { status, stdout } = spawnSync(
      process.execPath,
      [SCRIPT, "--out", out, "--parts", parts, ...sizes, "--rounds", "1", "--python", join(dir, "no-python")],
      { encoding: "utf8", env: { ...process.env, ...environment, HNORM_CACHE_DIR: join(dir, "cache") } },
    );
    expect(status).toBe(0);
    const record = JSON.parse(readFileSync(out, "utf8"));
    expect(record.parts.machine).toMatchObject({ gpu: { name: "Emulated GPU" }, cublasLt: 130000 });
    expect(record.parts.warpgroups).toMatchObject({ used: [], results: {} });
    expect(record.parts.nonsense.failed).toContain("no such part");
    expect(record.parts.limits.copy.bytes_per_s).toBeGreaterThan(0);
    expect(record.parts.curve).toMatchObject({ ok: true, same_bits_twice: true });
    const step = record.parts["step llama-9m"];
    expect(step.hnorm[0].tokens_per_s).toBeGreaterThan(0);
    expect(step.torch[0].failed).toBeDefined();
    expect(stdout).toContain("20 steps   right");
  }, 300_000);

  test("a kernel that fails costs its sample alone, and is named", () => {
    const dir = folder();
    const out = join(dir, "record.json");
    const env = { ...process.env, ...environment, HNORM_CACHE_DIR: join(dir, "cache") };
    spawnSync(process.execPath, [SCRIPT, "--out", out, "--parts", "ops", "--small"], {
      env: { ...env, HNORM_CUDA_SIM_FAULT: "launch:rmsNorm:2", HNORM_CUDA_SIM_QUIET: "1" },
    });
    const { ops } = JSON.parse(readFileSync(out, "utf8")).parts;
    expect(ops.failed).toBeUndefined();
    expect(ops.count).toBeGreaterThan(50);
    expect(ops.bad).toHaveLength(1);
    expect(ops.bad[0].failed).toMatch(
      /CUDA_ERROR_LAUNCH_FAILED.* in command \d+ of \d+, rmsNorm of rms-norm.cu/s,
    );
  }, 600_000);

  test("what a part had found before the GPU was lost is in the record", () => {
    const dir = folder();
    const out = join(dir, "record.json");
    const env = { ...process.env, ...environment, HNORM_CACHE_DIR: join(dir, "cache") };
    spawnSync(
      process.execPath,
      [SCRIPT, "--out", out, "--parts", "ops,curve", "--small", "--budget", "600"],
      {
        env: { ...env, HNORM_CUDA_SIM_FAULT: "lost:9", HNORM_CUDA_SIM_QUIET: "1" },
      },
    );
    const { ops, curve } = JSON.parse(readFileSync(out, "utf8")).parts;
    expect(ops.failed).toBe("exit 1");
    expect(ops.said).toContain("CUDA_ERROR_DEVICE_UNAVAILABLE");
    expect(ops.count).toBeGreaterThan(1);
    expect(ops.bad).toHaveLength(1);
    expect(curve.failed).toBe("exit 1");
  }, 300_000);
});
