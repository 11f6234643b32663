/** What is wrong with the files of finished runs, in words. */
import type { FileFault } from "../../runs/done-file.ts";

/** `status.json missing, metrics.csv changed`. */
export const fileFaultsText = (faults: readonly FileFault[]): string =>
  faults.map(({ file, what }) => `${file} ${what}`).join(", ");
