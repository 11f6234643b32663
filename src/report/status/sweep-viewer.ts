/** Looks at the runs of a sweep's folder, once or again and again: a run that is finished is not looked at twice. */
import { readdirSync } from "node:fs";
import { leaseWatch } from "../../runs/lease-watch.ts";
import { sweepFiles } from "../../runs/paths.ts";
import { NO_SNAPSHOT, type RunSnapshot, readSnapshot } from "../../runs/snapshot.ts";
import { readListing } from "../../sweep/listing.ts";
import { type RunView, viewRun } from "./run-view.ts";
import { type SweepView, viewSweep } from "./sweep-view.ts";

/** `only`: the names of the runs to look at; default: all that the sweep lists. */
export function sweepViewer(dir: string, only?: readonly string[]): () => SweepView {
  const { name, runs: all } = readListing(dir);
  const runs = only === undefined ? all : all.filter((run) => only.includes(run.name));
  const finished = new Map<string, RunView>();
  const watch = leaseWatch();
  const silent = (folder: string, { lease, leaseState }: RunSnapshot) =>
    lease !== undefined &&
    (leaseState === "alive" || leaseState === "elsewhere") &&
    watch.silent(folder, lease);
  return () => {
    const there = new Set(readdirSync(dir));
    const views = runs.map((run) => {
      const known = finished.get(run.name);
      if (known !== undefined) return known;
      const folder = sweepFiles(dir).run(run.name);
      const look = there.has(run.name) ? readSnapshot(folder) : NO_SNAPSHOT;
      const view = viewRun(run, look, silent(folder, look));
      if (look.finished && look.status !== undefined) finished.set(run.name, view);
      return view;
    });
    return viewSweep(name, runs, views);
  };
}
