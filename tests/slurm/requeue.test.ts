/** Jobs that put themselves back into the queue on a real Slurm: at their time limit, one by one, and not after a cancel. */
import { expect, test } from "vitest";
import { folder } from "../e2e/hnorm.ts";
import { onSlurm } from "./on-slurm.ts";
import { attempts, expectBytesOfUndisturbed, hasEnded, statesOf, sweepOver, until } from "./sweeps.ts";

onSlurm({ nodes: 1, maxArraySize: 3 }, (clusterOf) => {
  test("at its time limit a run is warned, saves, and goes on in the next attempt", async () => {
    const home = folder();
    const cluster = clusterOf();
    const slurm = { time: 1, signal_s: 55, report: false }; // the warning comes after 5 s
    const sweep = sweepOver(home, cluster, [1], { slurm, steps: 1400 });
    const [job] = (await sweep.submit()) as [string];
    await until("a second attempt", () => attempts(sweep, sweep.runs[0]!) > 1, sweep.said);
    cluster.slurm("scontrol", "update", `jobid=${job}_0`, "timelimit=60"); // heeded from then on
    await until("it has ended", () => hasEnded(cluster, job), sweep.said);
    expect(statesOf(cluster, job), sweep.said()).toEqual(["COMPLETED"]);
    expect(sweep.said()).toContain("requeueing");
    await expectBytesOfUndisturbed(sweep, home, sweep.runs);
  }, 300_000);

  test("the last element restarts itself alone; more runs than fit an array go into several", async () => {
    const home = folder();
    const cluster = clusterOf();
    const sweep = sweepOver(home, cluster, [1, 2, 3, 4], { slurm: { report: false }, steps: 300 });
    const [array, other] = (await sweep.submit()) as [string, string];
    const last = sweep.runs[2]!;
    await until(
      "the last element trains",
      () => sweep.run(last, "metrics.csv").includes("\n10,"),
      sweep.said,
    );
    cluster.slurm("scancel", "--signal=USR2", `${array}_2`);
    await until("all have ended", () => hasEnded(cluster, array) && hasEnded(cluster, other), sweep.said);
    expect(statesOf(cluster, array)).toEqual(["COMPLETED", "COMPLETED", "COMPLETED"]);
    expect(statesOf(cluster, other)).toEqual(["COMPLETED"]);
    expect(
      sweep.runs.map((run) => attempts(sweep, run)),
      sweep.said(),
    ).toEqual([1, 1, 2, 1]);
    await expectBytesOfUndisturbed(sweep, home, sweep.runs);
  }, 300_000);

  test("cancelled, the runs save and stay out of the queue; submitted again, they go on", async () => {
    const home = folder();
    const cluster = clusterOf();
    const sweep = sweepOver(home, cluster, [1, 2], { slurm: { throttle: 1 }, steps: 1600 });
    const [array, report] = (await sweep.submit()) as [string, string];
    const [first, second] = sweep.runs as [string, string];
    await until("the first trains", () => sweep.run(first, "metrics.csv").includes("\n60,"), sweep.said);
    expect(await sweep.submit()).toEqual([]); // one is at work, one waits

    expect((await sweep.hnorm("cancel", "runs/q", "--run", second)).stdout).toMatch(/cancelled job \d+_1/);
    const { code, stdout, stderr } = await sweep.hnorm("cancel", "runs/q");
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/cancelled job \d+_0: \S+ \(running\)/);
    await until("all have ended", () => [array, report].every((job) => hasEnded(cluster, job)), sweep.said);
    expect(statesOf(cluster, array)).toEqual(["CANCELLED", "CANCELLED"]);
    expect(sweep.status(first).state).toBe("interrupted");
    expect(sweep.status(first).step).toBeGreaterThan(50);
    expect(sweep.status(second)).toEqual({});

    const [again] = (await sweep.submit()) as [string];
    await until("the new jobs have ended", () => hasEnded(cluster, again), sweep.said);
    await expectBytesOfUndisturbed(sweep, home, sweep.runs);
  }, 300_000);
});
