/** The table of results that a sweep ends with. */
import { csvTable } from "../../lib/csv.ts";
import { writeFileAtomic } from "../../lib/fs-atomic.ts";
import type { sweepFiles } from "../../runs/paths.ts";
import { isFinished, type RunStatus, readStatus } from "../../runs/status.ts";
import type { Run } from "../../sweep/expand.ts";
import { type RankedRun, rank, resultRows } from "./ranking.ts";

type Files = ReturnType<typeof sweepFiles>;

/** The runs, the best first, with what is known of them: from their folders, or from this process where the disk would not take it. */
export const rankedRuns = (
  files: Files,
  runs: readonly Run[],
  known: ReadonlyMap<string, RunStatus>,
): readonly RankedRun[] =>
  rank(
    runs.map(({ name, id, factors }) => {
      const dir = files.run(name);
      const [here, there] = [known.get(name), readStatus(dir)];
      const later =
        here === undefined || isFinished(dir) || (there !== undefined && there.attempt > here.attempt);
      return { name, id, factors, status: later ? there : here };
    }),
  );

/**
 * results.csv of all runs, as their folders and `known` have them; returns them in the order of the table. Workers that
 * end at the same moment write it both: the last one to write has seen what the others did.
 */
export async function writeResults(
  files: Files,
  runs: readonly Run[],
  known: ReadonlyMap<string, RunStatus>,
): Promise<readonly RankedRun[]> {
  for (let written = ""; ; ) {
    const ranked = rankedRuns(files, runs, known);
    const text = csvTable(resultRows(ranked));
    if (text === written) return ranked;
    await writeFileAtomic(files.results, text);
    written = text;
  }
}
