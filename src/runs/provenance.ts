/** What a run's folder says of where its numbers come from, for those who only read: of any version, or none. */
import { readFileSync } from "node:fs";
import { runFiles } from "./paths.ts";

/** undefined where there is no file, or none that can be read. */
export function readProvenance(dir: string): unknown {
  try {
    return JSON.parse(readFileSync(runFiles(dir).provenance, "utf8"));
  } catch {
    return undefined;
  }
}
