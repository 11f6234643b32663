/** What `hnorm doctor` looks at beside the engines: a check is one entry of this list. */
import { availableParallelism, cpus, freemem, totalmem } from "node:os";
import { bytes } from "../../lib/format.ts";
import type { Check } from "./check.ts";
import { checkFolders } from "./folders.ts";
import { checkGpus } from "./gpus.ts";
import { checkSlurm } from "./slurm.ts";

const OLDEST_NODE = 20;

export const checks: readonly Check[] = [
  {
    name: "node",
    run: () => {
      const ok = Number.parseInt(process.versions.node, 10) >= OLDEST_NODE;
      const detail = `${process.versions.node} on ${process.platform} ${process.arch}`;
      return ok ? { ok, detail } : { ok, detail, fix: `hnorm needs Node ${OLDEST_NODE} or newer` };
    },
  },
  {
    name: "cpus",
    run: () => {
      const usable = availableParallelism();
      const detail = `${usable} usable of ${cpus().length} (${cpus()[0]?.model ?? "unknown"})`;
      return { ok: true, detail, facts: { usable, total: cpus().length } };
    },
  },
  {
    name: "memory",
    run: () => {
      const [total, free] = [totalmem(), freemem()];
      return {
        ok: true,
        detail: `${bytes(total)}, ${bytes(free)} of it free`,
        facts: { total_bytes: total, free_bytes: free },
      };
    },
  },
  ...checkFolders,
  { name: "gpus", run: () => checkGpus() },
  { name: "slurm", run: checkSlurm },
];
