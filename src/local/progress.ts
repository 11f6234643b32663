/** What a sweep on this machine tells whoever watches it: its runs as they begin, step and end, and lines of text. */
import type { RunEvent } from "../train/events.ts";

export interface Progress {
  begin(run: string): void;
  event(run: string, event: RunEvent): void;
  /** A run ended; `label` says how. */
  end(run: string, label: string): void;
  log(text: string): void;
  close(): void;
}
