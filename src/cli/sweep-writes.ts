/** What a sweep itself leaves in its folder: the list of its runs before they start, the table of results at the end. */
import { csvText } from "../lib/csv.ts";
import { writeFileAtomic } from "../lib/fs-atomic.ts";
import { type RankedRun, resultRows } from "../report/ranking.ts";
import type { sweepFiles } from "../runs/paths.ts";
import { type RunStatus, readStatus } from "../runs/status.ts";
import type { Run, Sweep } from "../sweep/expand.ts";

type Files = ReturnType<typeof sweepFiles>;

export async function writeSweep(files: Files, { name, description, runs }: Sweep): Promise<void> {
  await writeFileAtomic(files.sweep, `${JSON.stringify({ schema: 1, name, description, runs }, null, 2)}\n`);
}

/** The runs with what is known of them: from this sweep, or from their folders. */
export const withStatus = (
  files: Files,
  runs: readonly Run[],
  known: ReadonlyMap<string, RunStatus>,
): readonly RankedRun[] =>
  runs.map(({ name, id, factors }) => ({
    name,
    id,
    factors,
    status: known.get(name) ?? readStatus(files.run(name)),
  }));

/** results.csv, in the order given. */
export async function writeResults(files: Files, ranked: readonly RankedRun[]): Promise<void> {
  const rows = resultRows(ranked);
  const columns = Object.keys(rows[0] ?? {});
  const text = csvText([columns, ...rows.map((row) => columns.map((column) => row[column]))]);
  await writeFileAtomic(files.results, text);
}
