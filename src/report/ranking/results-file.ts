/** The table of results that a sweep ends with. */
import { csvTable } from "../../lib/csv.ts";
import { writeFileAtomic } from "../../lib/fs-atomic.ts";
import type { sweepFiles } from "../../runs/paths.ts";
import { isFinished, type RunStatus, readStatus } from "../../runs/status.ts";
import type { Run } from "../../sweep/expand.ts";
import type { Listing } from "../../sweep/listing.ts";
import type { RankBy } from "./rank-by.ts";
import { type RankedRun, rank, resultRows } from "./ranking.ts";
import { readRankBy } from "./read-rank-by.ts";

type Files = ReturnType<typeof sweepFiles>;

/**
 * The runs, the best first, with what is known of them: from their folders, or from this process where the disk would not take it.
 * `rankBy`: by another metric than their config says.
 */
export function rankedRuns(
  files: Files,
  runs: readonly Run[],
  known: ReadonlyMap<string, RunStatus>,
  rankBy?: string,
): Ranking {
  const by = readRankBy(files.dir, runs, rankBy);
  const found = runs.map(({ name, id, factors }) => {
    const dir = files.run(name);
    const [here, there] = [known.get(name), readStatus(dir)];
    const later =
      here === undefined || isFinished(dir) || (there !== undefined && there.attempt > here.attempt);
    return { name, id, factors, status: later ? there : here };
  });
  return { runs: rank(found, by), by };
}

/** Runs in their order, and what that is made by. */
export interface Ranking {
  readonly runs: readonly RankedRun[];
  readonly by: RankBy;
}

/**
 * results.csv of all runs, as their folders and `known` have them; returns them in the order of the table. Workers that
 * end at the same moment write it both: the last one to write has seen what the others did.
 */
export async function writeResults(
  files: Files,
  { name, runs }: Pick<Listing, "name" | "runs">,
  known: ReadonlyMap<string, RunStatus>,
  rankBy?: string,
): Promise<Ranking> {
  for (let written = ""; ; ) {
    const ranked = rankedRuns(files, runs, known, rankBy);
    const text = csvTable(resultRows(ranked.runs, ranked.by, name));
    if (text === written) return ranked;
    await writeFileAtomic(files.results, text);
    written = text;
  }
}
