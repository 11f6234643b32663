/** Progress that also keeps results.csv up to date: written when a sweep begins and each time one of its runs ends. */
import type { Progress } from "../../local/progress.ts";
import { writeResults } from "../../report/ranking/results-file.ts";
import type { sweepFiles } from "../../runs/paths.ts";
import type { Listing } from "../../sweep/listing.ts";

export function writingResults(
  progress: Progress,
  files: ReturnType<typeof sweepFiles>,
  sweep: Pick<Listing, "name" | "runs">,
): Progress {
  let [writing, again] = [false, false];
  const write = async (): Promise<void> => {
    again = true;
    if (writing) return;
    writing = true;
    while (again) {
      again = false;
      await writeResults(files, sweep, new Map()).catch(() => {}); // a full disk: the sweep's end says so
    }
    writing = false;
  };
  void write();
  return {
    ...progress,
    end(run, label) {
      progress.end(run, label);
      void write();
    },
  };
}
