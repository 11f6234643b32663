/** Says which finished runs have lost or changed files since: their numbers are not those that were measured. */
import { checkFiles } from "../../runs/done-file.ts";
import type { sweepFiles } from "../../runs/paths.ts";
import { isFinished } from "../../runs/status.ts";
import type { Io } from "../io.ts";
import { fileFaultsText } from "../tables/file-faults-text.ts";

/** Whether there is any. Weights, which may be large, are only looked for. */
export async function warnOfChangedFiles(
  files: ReturnType<typeof sweepFiles>,
  runs: readonly { readonly name: string }[],
  io: Pick<Io, "log">,
): Promise<boolean> {
  let any = false;
  for (const { name } of runs) {
    const dir = files.run(name);
    const found = isFinished(dir) ? await checkFiles(dir, { weights: false }) : "unchecked";
    if (found === "unchecked" || found.length === 0) continue;
    any = true;
    io.log(`${name}: not as it was when it finished: ${fileFaultsText(found)}`);
  }
  if (any) io.log("restore these files, or remove the folders of their runs and rerun hnorm sweep");
  return any;
}
