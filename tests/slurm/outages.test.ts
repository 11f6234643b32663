/** A node that dies, and a controller that dies, under a sweep on a real Slurm. */
import { expect, test } from "vitest";
import { folder } from "../e2e/hnorm.ts";
import { onSlurm } from "./on-slurm.ts";
import { expectBytesOfUndisturbed, hasEnded, statesOf, sweepOver, until } from "./sweeps.ts";

onSlurm({ nodes: 2 }, (clusterOf) => {
  test("the controller dies while runs train: nothing is submitted twice, and nothing is lost", async () => {
    const home = folder();
    const cluster = clusterOf();
    const sweep = sweepOver(home, cluster, [1, 2], { slurm: { report: false }, steps: 1200 });
    const [job] = (await sweep.submit()) as [string];
    await until(
      "both train",
      () => sweep.runs.every((run) => sweep.run(run, "metrics.csv").includes("\n10,")),
      sweep.said,
    );
    // A controller that has not saved yet that they run would start them a second time, and close the node for it.
    await until("the controller has saved that they run", () => cluster.hasSavedSince(sweep.begun()));
    await cluster.killController();
    const env = { HNORM_SLURM_TIMEOUT: "2" };
    const refused = await sweep.with(env, "sweep", "q.yaml", "--launcher", "slurm");
    expect(refused.code).toBe(69);
    expect(refused.stderr).toContain("nothing is submitted");
    expect((await sweep.with(env, "cancel", "runs/q")).code).toBe(69);
    await cluster.startController();
    expect(await sweep.submit()).toEqual([]);
    await until("it has ended", () => hasEnded(cluster, job), sweep.said);
    expect(statesOf(cluster, job)).toEqual(["COMPLETED", "COMPLETED"]);
    await expectBytesOfUndisturbed(sweep, home, sweep.runs);
  }, 300_000);

  test("a node dies with the run on it: Slurm starts it on another, from its last checkpoint", async () => {
    const home = folder();
    const cluster = clusterOf();
    const slurm = { gpus: 4, report: false }; // a node for each
    const sweep = sweepOver(home, cluster, [1, 2], { slurm });
    const [job] = (await sweep.submit()) as [string];
    await until(
      "both train",
      () => sweep.runs.every((run) => sweep.run(run, "metrics.csv").includes("\n60,")),
      sweep.said,
    );
    await cluster.killNode("n1");
    cluster.slurm("scontrol", "update", "nodename=n1", "state=down", "reason=test");
    await until("they have ended", () => hasEnded(cluster, job), sweep.said);
    expect(statesOf(cluster, job), sweep.said()).toEqual(["COMPLETED", "COMPLETED"]);
    expect(sweep.said()).toMatch(/attempt 2 of/);
    await expectBytesOfUndisturbed(sweep, home, sweep.runs);
  }, 300_000);
});
