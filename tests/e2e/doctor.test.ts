/** `hnorm doctor`: what it says of engines and machine, for people and for programs. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { engineNames } from "../../src/backends/registry.ts";
import { file, finish, folder, hnorm, start } from "./hnorm.ts";

test("one line for each engine and each fact of the machine", async () => {
  const dir = folder();
  const { code, stdout, stderr } = await hnorm(dir, "doctor");
  expect(code).toBe(0);
  expect(stderr).toBe("");
  for (const name of engineNames) expect(stdout).toMatch(new RegExp(`^engine ${name} +(ok|no)  \\S`, "m"));
  expect(stdout).toMatch(/^engine reference +ok /m);
  expect(stdout.match(/selected by `engine: auto`/g)).toHaveLength(1);
  expect(stdout).toMatch(/ok {2}f64 loops .*\n +sends nothing: it uses no library$/m);
  expect(stdout).toContain(`${process.versions.node} on ${process.platform}`);
  for (const what of ["cpus", "memory", "runs folder", "cache folder"])
    expect(stdout).toMatch(new RegExp(`^${what} +ok  \\S`, "m"));
  expect(stdout).toContain(join(dir, "runs"));
  expect(stdout).toContain(join(dir, "cache"));
});

test("the same as JSON, and nothing but JSON", async () => {
  const { code, stdout, stderr } = await hnorm(folder(), "doctor", "--json");
  expect(code).toBe(0);
  expect(stderr).toBe("");
  const { ok, auto, engines, machine } = JSON.parse(stdout);
  expect(ok).toBe(true);
  expect(Object.keys(engines).sort()).toEqual([...engineNames].sort());
  expect(engines[auto].ok).toBe(true);
  expect(auto, "only asked for by name").not.toBe("tensorflow");
  for (const { ok, detail, why, fix, sends } of Object.values<Record<string, unknown>>(engines)) {
    expect(sends).toBeTypeOf("string");
    if (ok) expect(detail).toBeTypeOf("string");
    else expect([typeof why, typeof fix]).toEqual(["string", "string"]);
  }
  expect(machine.cpus.usable).toBeGreaterThan(0);
  expect(machine.memory.total_bytes).toBeGreaterThan(machine.memory.free_bytes);
  expect(machine.runs_folder.free_bytes).toBeGreaterThan(0);
});

test("a folder that cannot be made is named with the way out, and engines still work", async () => {
  const dir = folder();
  file(dir, "taken", "a file where the folder should be");
  const { code, stdout } = await finish(start(dir, ["doctor"], { HNORM_RUNS_DIR: join(dir, "taken") }));
  expect(code).toBe(0);
  expect(stdout).toMatch(/^runs folder +no .*taken/m);
  expect(stdout).toContain("choose another with HNORM_RUNS_DIR");
});

/** `hnorm doctor --json` where these programs are all that is on the PATH; a text is what one prints. */
async function doctorWith(
  programs: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>> = {},
) {
  const dir = folder();
  const bin = join(dir, "bin");
  mkdirSync(bin);
  for (const [name, script] of Object.entries(programs))
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const clean = { SLURM_JOB_ID: "", CUDA_VISIBLE_DEVICES: "0", ...env };
  const { code, stdout, stderr } = await finish(start(dir, ["doctor", "--json"], { PATH: bin, ...clean }));
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return JSON.parse(stdout).machine;
}

const HANGS = "/bin/sleep 1000 & wait"; // a child that holds the pipes open

test("a machine with GPUs, inside a job of a cluster", async () => {
  const { gpus, slurm } = await doctorWith(
    {
      "nvidia-smi": `echo "0, NVIDIA H200, 143771, 143000, 550.54.15"; echo "1, NVIDIA H200, 143771, 12, 550.54.15"`,
      sbatch: "echo slurm 23.11.4",
      sinfo: `echo "long|up|3|(null)|7-00:00:00"; echo "gpu|up|2|gpu:h100:8(S:0-1)|1-00:00:00"; echo "gpu|up|1|gpu:a100:4|1-00:00:00"`,
      scontrol: `echo "AccountingStorageType   = accounting_storage/none"; echo "MaxArraySize            = 1001"`,
      squeue: "echo 1:02:03",
    },
    { SLURM_JOB_ID: "77" },
  );
  expect(gpus).toMatchObject({ ok: true, driver: "550.54.15", cuda_visible_devices: "0" });
  expect(gpus.gpus[1]).toEqual({
    index: 1,
    name: "NVIDIA H200",
    total_bytes: 143771 * 2 ** 20,
    free_bytes: 12 * 2 ** 20,
  });
  expect(slurm).toMatchObject({
    ok: true,
    version: "slurm 23.11.4",
    accounting: false,
    max_array_size: 1001,
  });
  expect(slurm.job).toEqual({ id: "77", time_left: "1:02:03" });
  expect(slurm.partitions).toEqual([
    { partition: "long", nodes: 3, gpus: [], time_limit: "7-00:00:00" },
    { partition: "gpu", nodes: 3, gpus: ["gpu:h100:8", "gpu:a100:4"], time_limit: "1-00:00:00" },
  ]);
  expect(slurm.detail).toContain("inside job 77, 1:02:03 left");
});

test("programs that hang, fail or talk nonsense are said so, with what to do", async () => {
  const hung = await doctorWith({
    "nvidia-smi": HANGS,
    sbatch: "echo slurm 22.05.8",
    sinfo: HANGS,
    scontrol: HANGS,
  });
  expect(hung.gpus).toMatchObject({
    ok: false,
    detail: expect.stringContaining("did not answer within 5 s"),
  });
  expect(hung.slurm).toMatchObject({
    ok: false,
    detail: expect.stringContaining("sinfo did not answer within 2 s"),
  });
  expect(hung.slurm.fix).toContain("scontrol ping");

  const failing = await doctorWith({
    "nvidia-smi": "echo cannot talk to the driver; exit 9",
    sbatch: "echo no configuration >&2; exit 1",
  });
  expect(failing.gpus.detail).toContain("nvidia-smi failed: exit code 9: cannot talk to the driver");
  expect(failing.slurm.detail).toContain("sbatch failed: exit code 1: no configuration");
  expect(failing.gpus.fix).toContain("dmesg");

  // The first line has as many columns as sinfo's.
  const nonsense = "printf 'B\\007|\\001|4||\\377\\n'; /bin/head -c 3000000 /dev/urandom";
  const garbage = await doctorWith({
    "nvidia-smi": nonsense,
    sbatch: nonsense,
    sinfo: nonsense,
    scontrol: nonsense,
  });
  expect(garbage.gpus.detail).toBe("nvidia-smi lists none");
  expect(garbage.slurm).toMatchObject({ ok: false, partitions: [], accounting: null });

  const bare = await doctorWith({}, { HNORM_DATA_DIR: "/nowhere/at all" });
  expect(bare.slurm).toMatchObject({ ok: false, detail: "not found (no sbatch on the PATH)" });
  expect(bare.data_folder).toMatchObject({ ok: false, fix: expect.stringContaining("HNORM_DATA_DIR") });
});
