/** `hnorm status --watch`: on a terminal the screen again and again, elsewhere a line for each change. */
import { setTimeout as sleep } from "node:timers/promises";
import { fixed } from "../../lib/format.ts";
import { printableLine } from "../../lib/printable.ts";
import type { RunView } from "../../report/status/run-view.ts";
import type { SweepView } from "../../report/status/sweep-view.ts";
import { runsTable, sweepLine } from "../tables/status-text.ts";

const EVERY_MS = 2000;
/** More changes at once than this are told as a number. */
const TOLD = 20;

/** Shows each look until `over`, or until Ctrl-C or the reader's end, which end it as well as anything. */
export async function watchStatus<V>(
  look: () => V,
  show: (view: V) => void,
  over: (view: V) => boolean,
): Promise<void> {
  const stop = new AbortController();
  const interrupted = () => stop.abort();
  process.once("SIGINT", interrupted);
  process.stdout.once("error", interrupted);
  try {
    for (;;) {
      const view = look();
      show(view);
      if (over(view)) return;
      await sleep(EVERY_MS, undefined, { signal: stop.signal });
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    process.off("SIGINT", interrupted);
    process.stdout.off("error", interrupted);
  }
}

/** Draws over what was drawn before, as much as fits: what is going on first, then what is to come, then what is done. */
export function screen(stream: NodeJS.WriteStream): (lines: readonly string[]) => void {
  let begun = false;
  return (lines) => {
    const { rows = 24, columns = 80 } = stream;
    const fitting =
      lines.length < rows
        ? lines
        : [...lines.slice(0, rows - 2), `... ${lines.length - rows + 2} more lines`];
    const text = fitting.map((line) => `${printableLine(line).slice(0, columns)}\x1b[K\n`).join("");
    stream.write(`${begun ? "" : "\x1b[2J"}\x1b[H${text}\x1b[J`);
    begun = true;
  };
}

const ORDER: Readonly<Record<RunView["state"], number>> = {
  running: 0,
  stale: 1,
  failed: 2,
  interrupted: 3,
  queued: 4,
  diverged: 5,
  done: 6,
};

export const screenLines = (sweep: SweepView): readonly string[] => [
  sweepLine(sweep),
  "",
  ...runsTable(sweep.runs.toSorted((a, b) => ORDER[a.state] - ORDER[b.state])).split("\n"),
];

/** What has changed since the last look, in lines; at first, the sweep as it is. */
export function changes(): (sweep: SweepView) => readonly string[] {
  let before: ReadonlyMap<string, string> | undefined;
  return (sweep) => {
    const last = before;
    before = new Map(sweep.runs.map(({ name, label }) => [name, label]));
    if (last === undefined) return [sweepLine(sweep)];
    const changed = sweep.runs.filter(({ name, label }) => last.get(name) !== label);
    if (changed.length === 0) return [];
    const lines = changed.map((run) => `${run.name}: ${last.get(run.name)} -> ${run.label}${detail(run)}`);
    const told = lines.length > TOLD ? [`${lines.length} runs changed their state`] : lines;
    return [...told, sweepLine(sweep)];
  };
}

function detail({ state, host, valPpl, message }: RunView): string {
  if (state === "running" && host !== undefined) return ` on ${host}`;
  if (state === "done" && valPpl !== undefined) return `, ${fixed(valPpl, 3)} ppl`;
  return state === "failed" && message !== undefined ? `: ${message.split("\n")[0]}` : "";
}
