/** What `hnorm doctor` looks at beside the engines: a check is one entry of this list. */
import { availableParallelism, cpus, freemem, totalmem } from "node:os";
import { bytes } from "../lib/format.ts";
import { cacheDir, freeBytes, isWritable, runsDir } from "./places.ts";

/** What a check found; `fix` where something should be done about it, `numbers` for `--json`. */
export interface Finding {
  readonly ok: boolean;
  readonly detail: string;
  readonly fix?: string;
  readonly numbers?: Readonly<Record<string, number>>;
}

export interface Check {
  readonly name: string;
  look(): Finding;
}

const OLDEST_NODE = 20;

export const checks: readonly Check[] = [
  {
    name: "node",
    look: () => {
      const ok = Number.parseInt(process.versions.node, 10) >= OLDEST_NODE;
      const detail = `${process.versions.node} on ${process.platform} ${process.arch}`;
      return ok ? { ok, detail } : { ok, detail, fix: `hnorm needs Node ${OLDEST_NODE} or newer` };
    },
  },
  {
    name: "cpus",
    look: () => {
      const usable = availableParallelism();
      const detail = `${usable} usable of ${cpus().length} (${cpus()[0]?.model ?? "unknown"})`;
      return { ok: true, detail, numbers: { usable, total: cpus().length } };
    },
  },
  {
    name: "memory",
    look: () => {
      const [total, free] = [totalmem(), freemem()];
      return {
        ok: true,
        detail: `${bytes(total)}, ${bytes(free)} of it free`,
        numbers: { total_bytes: total, free_bytes: free },
      };
    },
  },
  { name: "runs folder", look: () => folder(runsDir(undefined), "HNORM_RUNS_DIR") },
  { name: "cache folder", look: () => folder(cacheDir(), "HNORM_CACHE_DIR") },
];

/** A folder that hnorm writes to, which need not exist yet. */
function folder(dir: string, variable: string): Finding {
  const free = freeBytes(dir);
  const finding = { detail: `${dir}, ${bytes(free)} free`, numbers: { free_bytes: free } };
  return isWritable(dir)
    ? { ok: true, ...finding }
    : { ok: false, ...finding, fix: `it cannot be written to; choose another with ${variable}` };
}
