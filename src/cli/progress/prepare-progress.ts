/** Progress of a preparation: a bar on a terminal, elsewhere one plain line now and then. */
import { performance } from "node:perf_hooks";
import { Presets, SingleBar } from "cli-progress";
import type { PrepareProgress } from "../../data/shards/prepare-part.ts";
import { bytes, count, duration, fixed } from "../../lib/format.ts";
import { printableLine } from "../../lib/printable.ts";
import type { Io } from "../io.ts";

export interface PrepareMeter {
  update(progress: PrepareProgress): void;
  close(): void;
}

/** Milliseconds between plain lines. */
const QUIET_MS = 5000;

export function prepareMeter(io: Io): PrepareMeter {
  const begun = performance.now();
  const note = ({ part, done, resumed, total, tokens }: PrepareProgress): string => {
    const rate = (done - resumed) / ((performance.now() - begun) / 1000);
    const eta = rate > 0 ? duration((total - done) / rate) : "unknown";
    return `${part}, ${count(tokens)} tokens, ${bytes(rate)}/s of input, ETA ${eta}`;
  };
  if (!io.interactive) {
    let spoken = begun;
    return {
      update(progress) {
        if (performance.now() - spoken < QUIET_MS) return;
        spoken = performance.now();
        const percent = fixed((100 * progress.done) / progress.total, 1);
        io.log(`data: ${percent}%, ${progress.split}, ${note(progress)}`);
      },
      close: () => {},
    };
  }
  const format = " {bar} {percentage}% | {note}";
  const bar = new SingleBar(
    { format, barsize: 24, hideCursor: true, stream: process.stderr },
    Presets.shades_classic,
  );
  bar.start(1, 0, { note: "starting" });
  return {
    update(progress) {
      bar.setTotal(progress.total);
      bar.update(progress.done, { note: printableLine(note(progress)) });
    },
    close: () => bar.stop(),
  };
}
