/** Where words go: data to stdout, messages to stderr. The only place that writes to either. */

export interface Io {
  /** A line (or lines) of data. */
  out(text: string): void;
  /** A message for the person. */
  say(text: string): void;
  /** Whether stderr is a terminal, where bars may be drawn. */
  readonly interactive: boolean;
}

export const processIo: Io = {
  out: (text) => void process.stdout.write(`${text}\n`),
  say: (text) => void process.stderr.write(`${text}\n`),
  interactive: process.stderr.isTTY === true && process.env.TERM !== "dumb" && process.env.CI === undefined,
};
