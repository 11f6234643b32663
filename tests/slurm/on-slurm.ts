/** The set-up that tests on a real Slurm share: one cluster for all tests of a file. */
import { afterAll, beforeAll, describe } from "vitest";
import { type Cluster, noSlurm, type Size, startCluster } from "./cluster.ts";

/** The tests of a file, on a Slurm of their own; skipped, with a reason, where there can be none. */
export function onSlurm(size: Size, tests: (clusterOf: () => Cluster) => void): void {
  const reason = noSlurm();
  const title = `on a Slurm of our own${reason === undefined ? "" : `: skipped, ${reason}`}`;
  describe.skipIf(reason !== undefined)(title, () => {
    let cluster: Cluster | undefined;
    beforeAll(async () => {
      cluster = await startCluster(size);
    });
    afterAll(() => cluster?.close());
    tests(() => cluster!);
  });
}
