/**
 * Where words go: data to stdout, messages to stderr. The only place that writes to either. What names and files hold is
 * data: it cannot move the cursor, nor turn the direction of the text.
 */
import { fstatSync } from "node:fs";
import { isatty } from "node:tty";
import { EXIT } from "../lib/errors.ts";
import { printable } from "../lib/printable.ts";
import { writeAllSync } from "../lib/write-all.ts";
import { closeDeadTerminals } from "./close-dead-terminals.ts";

export interface Io {
  /** A line (or lines) of data. */
  out(text: string): void;
  /** A message for the person. */
  log(text: string): void;
  /** Whether stderr is a terminal, where bars may be drawn. */
  readonly interactive: boolean;
}

/**
 * This process's own. A reader that has gone, such as `head`, a `tee` that the same Ctrl-C ended, or a terminal that was
 * closed, ends no work, and neither does a full disk. Data that such a disk has not taken make exit code 0 another one.
 */
export function processIo(): Io {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  closeDeadTerminals();
  let lost = false;
  process.on("exit", () => {
    if (lost && (process.exitCode ?? EXIT.ok) === EXIT.ok) process.exitCode = EXIT.unavailable;
  });
  const to = fstatSync(1);
  const isWaiting = to.isFile() || (to.isCharacterDevice() && !isatty(1)); // each write has ended when it returns
  return {
    out(text) {
      const line = `${printable(text)}\n`;
      try {
        if (isWaiting) writeAllSync(1, Buffer.from(line), null);
        else process.stdout.write(line);
      } catch {
        lost = true;
      }
    },
    log(text) {
      try {
        process.stderr.write(`${printable(text)}\n`);
      } catch {
        // a file on a full disk: there is nobody to be told
      }
    },
    interactive: process.stderr.isTTY === true && process.env.TERM !== "dumb" && process.env.CI === undefined,
  };
}
