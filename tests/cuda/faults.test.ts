/** A GPU that fails under a sweep: a clear error with the way out, a checkpoint to go on from, the other runs done. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { file, finish, folder, start, tiny } from "../e2e/hnorm.ts";
import { environment, missing, reason } from "./engine.ts";

const CONFIG = {
  engine: "cuda",
  checkpoint: { every: 4, keep: 2 },
  eval: { tokens: 32 },
};
/** The first run compiles every kernel, with a C++ compiler. */
const TIMEOUT = 300_000;
const train = (steps: number) => ({ steps, batch_size: 4, micro_batch_size: 2, lr: 0.01 });

const sweep = (dir: string, more: Readonly<Record<string, string>>) =>
  finish(
    start(dir, ["sweep", "g.yaml", "--retries", "0"], { ...environment, HNORM_CUDA_SIM_QUIET: "1", ...more }),
  );

/** The folder of the run whose name starts so. */
function runOf(dir: string, start = "run-"): string {
  const root = join(dir, "runs", "g");
  return join(root, readdirSync(root).find((name) => name.startsWith(start)) ?? "none");
}
const status = (run: string) => JSON.parse(readFileSync(join(run, "status.json"), "utf8"));
const bytesOf = (run: string) =>
  ["metrics.csv", "eval.csv", "weights.safetensors"].map((name) => readFileSync(join(run, name)));

describe.skipIf(missing)(reason, () => {
  test(
    "a kernel that fails costs its run alone, which goes on from its checkpoint to the same bytes",
    async () => {
      const config = tiny({ ...CONFIG, train: train(2), sweep: { grid: { "train.steps": [2, 14] } } });
      const calm = folder();
      file(calm, "g.yaml", config);
      expect(await sweep(calm, {})).toMatchObject({ code: 0 });

      const dir = folder();
      file(dir, "g.yaml", config);
      const failed = await sweep(dir, { HNORM_CUDA_SIM_FAULT: "launch:adamUpdate:21" });
      expect(failed).toMatchObject({ code: 3 });
      const [short, long] = [runOf(dir, "steps2-"), runOf(dir, "steps14-")];
      expect(status(short).state).toBe("done");
      expect(status(long)).toMatchObject({ state: "failed" });
      expect(status(long).message).toMatch(/CUDA_ERROR_LAUNCH_FAILED \(719\).*checkpoint is intact/s);
      expect(readdirSync(join(long, "ckpt"))).toContain("step-000008");

      expect(await sweep(dir, {})).toMatchObject({ code: 0 });
      expect(status(long)).toMatchObject({ state: "done", attempt: 2 });
      for (const name of ["steps2-", "steps14-"])
        expect(bytesOf(runOf(dir, name))).toEqual(bytesOf(runOf(calm, name)));
    },
    TIMEOUT,
  );

  test.each([
    // The 40th kernel is one of the first step's.
    ["launch:rmsNorm:1", /in command \d+ of \d+, rmsNorm of rms-norm.cu .*, for \w+ of /s],
    ["ecc:40", /CUDA_ERROR_ECC_UNCORRECTABLE \(214\).*have the GPU reset or replaced/s],
    ["lost:40", /engine cuda: cu\w+: CUDA_ERROR_.*nvidia-smi/s],
    ["alloc:9", /cuMemAlloc_v2: CUDA_ERROR_OUT_OF_MEMORY \(2\).*smaller train.micro_batch_size/s],
    ["nvrtc:rms-norm.cu", /NVRTC does not compile rms-norm.cu.*engine: cpu/s],
  ])(
    "%s is told in the run's status",
    async (fault, message) => {
      const dir = folder();
      file(dir, "g.yaml", tiny({ ...CONFIG, train: train(2) }));
      expect(await sweep(dir, { HNORM_CUDA_SIM_FAULT: fault })).toMatchObject({ code: 3 });
      const { state, message: said } = status(runOf(dir));
      expect(state).toBe("failed");
      expect(said).toMatch(message);
      expect(said).not.toContain("unexpected");
    },
    120_000,
  );

  test(
    "a sweep too large for the GPU is refused before it starts, with what would fit",
    async () => {
      const dir = folder();
      const wide = { ...JSON.parse(tiny()).model, vocab_size: 4096, seq_len: 128 };
      file(
        dir,
        "g.yaml",
        tiny({ ...CONFIG, model: wide, train: { ...train(2), batch_size: 32, micro_batch_size: 32 } }),
      );
      const { code, stderr } = await sweep(dir, { HNORM_CUDA_SIM_MEMORY: String(64 * 2 ** 20) });
      expect(stderr).toMatch(
        /memory: .* for its largest run, the device has 64 MiB; train.micro_batch_size \d+ would fit/,
      );
      expect(code).toBe(69);
    },
    TIMEOUT,
  );

  test.each([
    ["no GPU", { HNORM_CUDA_SIM_FAULT: "nodevice" }, /CUDA_ERROR_NO_DEVICE \(100\).*nvidia-smi/s],
    ["an old GPU", { HNORM_CUDA_SIM_SM: "75" }, /compute capability 7.5, too old.*8.0 or newer/s],
  ])(
    "%s: exit 69 with the fix",
    async (_, fault, message) => {
      const dir = folder();
      file(dir, "g.yaml", tiny({ ...CONFIG, train: train(2) }));
      const { code, stderr } = await sweep(dir, fault);
      expect(stderr).toMatch(message);
      expect(code).toBe(69);
    },
    TIMEOUT,
  );
});

test(
  "without a driver: `engine: cuda` exits 69 and says what to install, `auto` trains on the CPU",
  async () => {
    const dir = folder();
    file(dir, "g.yaml", tiny({ ...CONFIG, train: train(2) }));
    const none = { HNORM_CUDA_LIBRARIES: "" };
    const doctor = await finish(start(dir, ["doctor"], none));
    if (/^engine cuda +ok/m.test(doctor.stdout)) return; // a real GPU
    expect(doctor.stdout).toMatch(/^engine cuda +no /m);
    const { code, stderr } = await finish(start(dir, ["sweep", "g.yaml"], none));
    expect(stderr).toMatch(/engine cuda: .*NVIDIA/s);
    expect(code).toBe(69);
    const auto = await finish(
      start(dir, ["sweep", file(dir, "a.yaml", tiny({ train: train(2), engine: "auto" }))], none),
    );
    expect(auto.code).toBe(0);
    expect(auto.stderr).not.toContain("cuda");
  },
  TIMEOUT,
);
