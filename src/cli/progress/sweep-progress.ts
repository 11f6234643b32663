/** Progress of a sweep: bars on a terminal (cli-progress), elsewhere one plain line now and then. */
import { performance } from "node:perf_hooks";
import { MultiBar, Presets, type SingleBar } from "cli-progress";
import { duration, fixed } from "../../lib/format.ts";
import { printable, printableLine } from "../../lib/printable.ts";
import type { Progress } from "../../local/progress.ts";
import type { Io } from "../io.ts";
import { eta } from "./eta.ts";

/** `steps` of all runs still to do, for the sweep's own bar and ETA. */
export const sweepProgress = (io: Io, steps: number): Progress =>
  io.interactive ? bars(io, steps) : lines(io, steps);

const seconds = () => performance.now() / 1000;

/** Milliseconds between plain status lines of one run. */
const QUIET_MS = 5000;

function lines(io: Io, totalSteps: number): Progress {
  const { after } = eta(totalSteps, seconds);
  let spoken = 0;
  return {
    begin: (run) => io.log(`start  ${run}`),
    event(run, event) {
      if (event.kind === "phase") io.log(`       ${run}: ${event.text}`);
      if (event.kind === "evaluation") {
        io.log(
          `eval   ${run}: step ${event.step}, ${fixed(event.ppl, 2)} ppl, ${fixed(event.bitsPerByte, 3)} bits/byte`,
        );
      }
      if (event.kind !== "step") return;
      const left = after(run, event.step);
      if (performance.now() - spoken < QUIET_MS) return;
      spoken = performance.now();
      io.log(
        `train  ${run}: step ${event.step}/${event.steps}, loss ${fixed(event.loss, 3)}, sweep ETA ${duration(left)}`,
      );
    },
    end: (run, label) => io.log(`end    ${run}: ${label}`),
    log: (text) => io.log(text),
    close: () => {},
  };
}

function bars(io: Io, totalSteps: number): Progress {
  const format = " {bar} {percentage}% | {name} | {note}";
  const multi = new MultiBar(
    { format, barsize: 24, hideCursor: true, clearOnComplete: false, stream: process.stderr },
    Presets.shades_classic,
  );
  const { after, done } = eta(totalSteps, seconds);
  const total = multi.create(totalSteps, 0, { name: "sweep", note: "" });
  const active = new Map<string, SingleBar>();
  let finished = 0;
  return {
    begin(run) {
      active.set(run, multi.create(1, 0, { name: printableLine(run), note: "starting" }));
    },
    event(run, event) {
      const bar = active.get(run);
      if (bar === undefined) return;
      if (event.kind === "evaluation") bar.update({ note: `eval ${fixed(event.ppl, 2)} ppl` });
      if (event.kind === "phase") bar.update({ note: printableLine(event.text) });
      if (event.kind !== "step") return;
      bar.setTotal(event.steps);
      bar.update(event.step, {
        note: `loss ${fixed(event.loss, 3)}, ${fixed(event.tokensPerSecond, 0)} tokens/s`,
      });
      const left = after(run, event.step);
      total.update(done(), { note: `ETA ${duration(left)}` });
    },
    end(run, label) {
      // A finished run leaves one line above the bars, so the bars never outgrow the screen.
      const bar = active.get(run);
      if (bar !== undefined) multi.remove(bar);
      active.delete(run);
      finished++;
      multi.log(printable(`${String(finished).padStart(3)}  ${run}: ${label}\n`));
    },
    log: (text) => multi.log(printable(`${text}\n`)),
    close() {
      multi.update(); // stop() would drop what was said since the bars were last drawn
      multi.stop();
      io.log("");
    },
  };
}
