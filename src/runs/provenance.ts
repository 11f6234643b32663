/** What a run's folder says of where its numbers come from, for those who only read: of any version, or none. */
import { readRegular } from "../lib/regular-file.ts";
import { runFiles } from "./paths.ts";

const MAX_BYTES = 1 << 24;

/** undefined where there is no file, or none that can be read. */
export function readProvenance(dir: string): unknown {
  try {
    return JSON.parse(readRegular(runFiles(dir).provenance, MAX_BYTES));
  } catch {
    return undefined;
  }
}
