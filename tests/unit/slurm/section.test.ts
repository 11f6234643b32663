/** The slurm section of a config: what it takes, what it refuses and how, and that it is no part of a run's identity. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { defaultSlurm, slurmSeconds } from "../../../src/config/slurm-section.ts";
import { loadSweep } from "../../../src/sweep/expand.ts";
import { file, folder, tiny } from "../../e2e/hnorm.ts";

const load = (slurm: unknown, overrides: readonly string[] = []) => {
  const dir = folder();
  return loadSweep(join(dir, file(dir, "q.yaml", tiny(slurm === undefined ? {} : { slurm }))), overrides);
};

test("empty is enough, and absent is not there", () => {
  expect(load({}).runs[0]!.config.slurm).toEqual(defaultSlurm());
  expect(load(undefined).runs[0]!.config).not.toHaveProperty("slurm");
});

test.each<[slurm: unknown, message: string]>([
  [{ partion: "gpu" }, "slurm.partion: unknown key; allowed: partition,"],
  [
    { time: "soon" },
    'slurm.time: expected whole minutes, or a time such as 12:00:00 or 2-00:00:00, got "soon"',
  ],
  [{ time: 3 }, "slurm.time: 180 s, but runs are signalled 180 s (signal_s) before the limit"],
  [{ gpus: 1, gres: "gpu:1" }, "slurm.gres: give gpus or gres, not both"],
  [{ mem: "lots" }, 'slurm.mem: expected a size such as 16G, or whole MiB, got "lots"'],
  [{ extra: ["exclusive"] }, "slurm.extra"],
  ...["partition", "account", "qos", "constraint", "gres"].map((key): [unknown, string] => [
    { [key]: "x\ntouch /tmp/owned" },
    `slurm.${key}: expected non-empty text without control characters, got "x\\ntouch /tmp/owned"`,
  ]),
  [{ extra: ["--nice\rtouch owned"] }, "slurm.extra"],
  [{ signal_s: 1 }, "slurm.signal_s: expected a whole number >= 10"],
])("%j is refused", (slurm, message) => {
  expect(() => load(slurm)).toThrow(message);
});

test("a list on the command line sets its lists, and sweeps the rest; ids stay as they are", () => {
  const plain = load(undefined).runs[0]!;
  const { runs } = load({ gpus: 2 }, ["slurm.extra=[--exclusive,--nice=5]", "slurm.time=90"]);
  expect(runs).toHaveLength(1);
  expect(runs[0]!.config.slurm).toMatchObject({ gpus: 2, time: 90, extra: ["--exclusive", "--nice=5"] });
  expect(runs[0]!.id).toBe(plain.id);
  expect(load({}, ["slurm.gpus=1,4"]).duplicates).toHaveLength(1);
});

test("Slurm's times in seconds", () => {
  const times = ["90", "1:30", "1:00:00", "2-0", "2-1:30", "1-02:03:04", 5, "UNLIMITED"];
  expect(times.map(slurmSeconds)).toEqual([5400, 90, 3600, 172_800, 178_200, 93_784, 300, undefined]);
});
