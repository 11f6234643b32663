/** `hnorm status DIR`: every run of a sweep, where it is, how far and how fast; of a folder of sweeps, a line for each. */

import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Command } from "commander";
import { UserError } from "../../lib/errors.ts";
import { jsonText } from "../../lib/json.ts";
import { nearest } from "../../lib/suggest.ts";
import { runsDir } from "../../local/folders.ts";
import type { SweepView } from "../../report/status/sweep-view.ts";
import { sweepViewer } from "../../report/status/sweep-viewer.ts";
import { isSweep, sweepsIn } from "../../sweep/listing.ts";
import type { Io } from "../io.ts";
import { changes, screen, screenLines, watchStatus } from "../progress/status-watch.ts";
import { statusJson, statusText, sweepLine } from "../tables/status-text.ts";

interface Options {
  readonly json?: boolean;
  readonly watch?: boolean;
}

/** A sweep's folder and how to look at it. */
interface WatchedSweep {
  readonly dir: string;
  readonly look: () => SweepView;
}

export function statusCommand(command: Command, io: Io): void {
  command
    .argument(
      "[dir]",
      "a sweep's folder, a run's, or one that holds sweeps (default: HNORM_RUNS_DIR, or ./runs)",
    )
    .option("--json", "as JSON; with --watch, a line at each change")
    .option("--watch", "refresh until no run is left to wait for")
    .action(async (dir: string | undefined, options: Options) => {
      const { several, looked } = find(dir ?? runsDir(undefined));
      if (options.watch) return watch(looked, several, options, io);
      const views = looked.map(({ dir, look }) => ({ dir, view: look() }));
      if (options.json) {
        const all = views.map(({ dir, view }) => statusJson(dir, view));
        io.out(jsonText(several ? all : all[0], 2));
      } else io.out(views.map(({ view }) => (several ? sweepLine(view) : statusText(view))).join("\n"));
    });
}

async function watch(
  looked: readonly WatchedSweep[],
  several: boolean,
  { json }: Options,
  io: Io,
): Promise<void> {
  const look = () => looked.map(({ look }) => look());
  const over = (views: readonly SweepView[]) => views.every((view) => view.over);
  if (process.stdout.isTTY && !json) {
    const draw = screen(process.stdout);
    return watchStatus(look, (views) => draw(views.flatMap(several ? sweepLine : screenLines)), over);
  }
  const tellers = looked.map(() => changes());
  return watchStatus(
    look,
    (views) => {
      for (const [i, view] of views.entries()) {
        const lines = tellers[i]!(view);
        if (lines.length > 0) io.out(json ? jsonText(statusJson(looked[i]!.dir, view)) : lines.join("\n"));
      }
    },
    over,
  );
}

/** The sweep at a path, or the sweeps in it. */
function find(dir: string): { readonly several: boolean; readonly looked: readonly WatchedSweep[] } {
  const places = [dir, join(runsDir(undefined), dir)].filter((place) => existsSync(place));
  for (const place of places) {
    if (isSweep(place)) return { several: false, looked: [{ dir: place, look: sweepViewer(place) }] };
    const sweep = dirname(place);
    if (isSweep(sweep))
      return { several: false, looked: [{ dir: sweep, look: oneOf(sweep, basename(place)) }] };
    const sweeps = sweepsIn(place);
    if (sweeps.length > 0)
      return { several: true, looked: sweeps.map((path) => ({ dir: path, look: sweepViewer(path) })) };
  }
  const parent = dirname(dir);
  const near =
    existsSync(parent) && places.length === 0 ? nearest(basename(dir), readdirSync(parent)) : undefined;
  const hint = near === undefined ? "hnorm sweep FILE makes one" : `did you mean ${join(parent, near)}?`;
  throw new UserError(
    `${dir}: ${places.length === 0 ? "no such folder" : "no sweep here (no sweep.json)"}; ${hint}`,
  );
}

function oneOf(sweep: string, name: string): () => SweepView {
  const look = sweepViewer(sweep, [name]);
  if (look().runs.length === 0)
    throw new UserError(`${join(sweep, name)}: not a run of this sweep; hnorm status ${sweep} lists them`);
  return look;
}
