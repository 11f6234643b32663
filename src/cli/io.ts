/** Where words go: data to stdout, messages to stderr. The only place that writes to either. */

export interface Io {
  /** A line (or lines) of data. */
  out(text: string): void;
  /** A message for the person. */
  log(text: string): void;
  /** Whether stderr is a terminal, where bars may be drawn. */
  readonly interactive: boolean;
}

/** This process's own. A reader that has gone, such as `head`, or a `tee` that the same Ctrl-C ended, ends no work. */
export function processIo(): Io {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", dropUnread);
  return {
    out: (text) => void process.stdout.write(`${text}\n`),
    log: (text) => void process.stderr.write(`${text}\n`),
    interactive: process.stderr.isTTY === true && process.env.TERM !== "dumb" && process.env.CI === undefined,
  };
}

function dropUnread(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}
