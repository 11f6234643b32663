/** The text of a config file, within bounds; or why there is none, as a message says it. */
import { isUtf8 } from "node:buffer";
import { closeSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { basename, dirname } from "node:path";
import { EnvironmentError } from "../lib/errors.ts";
import { readRegularBytes } from "../lib/regular-file.ts";
import { didYouMean } from "./wording.ts";

export type Text = { readonly text: string } | { readonly why: string; readonly line?: number };

/** No config is as long; the parser takes seconds for it. */
const MAX_BYTES = 1 << 19;

/** Instead of a file: the config comes from standard input. */
export const STDIN = "-";

/** What has neither a name of its own nor files beside it. */
export const isPipe = (file: string): boolean =>
  file === STDIN || statSync(file, { throwIfNoEntry: false })?.isFIFO() === true;

/** `file` is read once: what a pipe gives is gone then. */
export function readText(file: string, { pipes }: { readonly pipes: boolean }): Text {
  try {
    const bytes =
      pipes && isPipe(file) ? readPipe(file) : readRegularBytes(file, MAX_BYTES, { follow: true });
    return decoded(bytes);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return { why: `no such file${didYouMean(basename(file), siblings(file))}` };
    if (isFolder(file)) return { why: "is a folder; expected a YAML file" };
    if (error instanceof EnvironmentError) return { why: error.message.slice(file.length + 2) };
    return { why: `cannot be read (${code})` };
  }
}

function readPipe(file: string): Buffer {
  const from = file === STDIN ? 0 : openSync(file, "r");
  const parts: Buffer[] = [];
  let total = 0;
  try {
    for (;;) {
      const part = Buffer.alloc(1 << 16);
      const got = readSync(from, part);
      if (got === 0) return Buffer.concat(parts);
      parts.push(part.subarray(0, got));
      total += got;
      if (total > MAX_BYTES)
        throw new EnvironmentError(`${file}: more than ${MAX_BYTES} bytes; no more are read`);
    }
  } finally {
    if (from !== 0) closeSync(from);
  }
}

/** Of UTF-8; of anything else what is wrong, and in which line. */
function decoded(bytes: Buffer): Text {
  const start = bytes.toString("hex", 0, 2);
  if (start === "fffe" || start === "feff") return { why: "is UTF-16; save it as UTF-8" };
  if (isUtf8(bytes)) return { text: bytes.toString() };
  // Decoding puts U+FFFD where bytes are none, and else gives the same bytes back.
  const again = Buffer.from(bytes.toString());
  const at = bytes.findIndex((byte, i) => byte !== again[i]);
  const line = bytes.subarray(0, at).filter((byte) => byte === 10).length + 1;
  return { line, why: `is not UTF-8 (byte 0x${bytes[at]!.toString(16)}); save it as UTF-8` };
}

const isFolder = (file: string): boolean => statSync(file, { throwIfNoEntry: false })?.isDirectory() ?? false;

function siblings(file: string): readonly string[] {
  try {
    return readdirSync(dirname(file)).filter((name) => /\.ya?ml$/.test(name));
  } catch {
    return [];
  }
}
