/** A throttled array on a real Slurm, preempted again and again by a partition of higher priority. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { folder } from "../e2e/hnorm.ts";
import { sleep } from "./cluster.ts";
import { onSlurm } from "./on-slurm.ts";
import { attempts, expectBytesOfUndisturbed, hasEnded, statesOf, sweepOver, until } from "./sweeps.ts";

onSlurm({ nodes: 1 }, (clusterOf) => {
  test("preempted many times, every run is done once, with the bytes of one that was left alone", async () => {
    const home = folder();
    const cluster = clusterOf();
    const sweep = sweepOver(home, cluster, [1, 2, 3], { slurm: { throttle: 2, gpus: 1 } });
    const [array, report] = (await sweep.submit()) as [string, string];

    let most = 0;
    let storms = 0;
    const begun = new Set<string>();
    while (!sweep.isDone()) {
      await until(
        "a run works",
        () => {
          const states = statesOf(cluster, array);
          most = Math.max(most, states.filter((state) => state === "RUNNING").length);
          for (const run of sweep.runs) if (sweep.run(run, "metrics.csv").includes("\n1,")) begun.add(run);
          return (begun.size > 0 && states.includes("RUNNING")) || hasEnded(cluster, array);
        },
        sweep.said,
      );
      await sleep(1500);
      if (hasEnded(cluster, array) || storms === 3) break;
      storms++;
      cluster.slurm(
        "sbatch",
        "--parsable",
        "-p",
        "high",
        "--exclusive",
        "--wait",
        "-o",
        "/dev/null",
        "--wrap",
        "sleep 0.3",
      );
    }
    await until("the report has ended", () => hasEnded(cluster, report), sweep.said);
    expect(most).toBeLessThanOrEqual(2);
    expect(
      sweep.runs.map((run) => attempts(sweep, run)).reduce((a, b) => a + b),
      sweep.said(),
    ).toBeGreaterThan(4);
    expect(statesOf(cluster, array)).toEqual(["COMPLETED", "COMPLETED", "COMPLETED"]);
    expect(statesOf(cluster, report)).toEqual(["COMPLETED"]); // it found them all finished
    expect(readFileSync(join(sweep.dir, "results.csv"), "utf8").trim().split("\n")).toHaveLength(4);
    await expectBytesOfUndisturbed(sweep, home, sweep.runs);
    expect(await sweep.submit()).toEqual([]);
  }, 300_000);
});
