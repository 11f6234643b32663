/**
 * Documents of a C4-shaped file: one JSON object per line with a string `text`; gzip where the name ends in
 * `.gz`. Streams, so a 300 MB shard takes a few MB of memory. Whatever is wrong is named by file and line.
 */
import { isUtf8 } from "node:buffer";
import { createReadStream } from "node:fs";
import { EnvironmentError } from "../lib/errors.ts";
import { bytes as sizeText } from "../lib/format.ts";
import { gunzip } from "./gunzip.ts";
import type { Document } from "./source.ts";

const CHUNK = 1 << 20;
/** Bytes: more in a line is no document but another kind of file, and would fill the memory. */
export const LONGEST_LINE = 1 << 27;

/** What to do about a line that holds no document: end there, or count it and go on. */
export type OnBadLine = "fail" | "skip";

export interface ReadOptions {
  readonly onBadLine?: OnBadLine;
  /** Is given the file's bytes as they lie on disk. */
  readonly onBytes?: (bytes: Buffer) => void;
}

/** Every document of the file; `consumed` counts bytes of the file as it lies on disk. Blank lines are nothing. */
export async function* readJsonLines(
  path: string,
  { onBadLine = "fail", onBytes }: ReadOptions = {},
): AsyncIterable<Document> {
  const file = createReadStream(path, { highWaterMark: CHUNK });
  let line = 0;
  try {
    const stored = tapped(file, onBytes);
    for await (const bytes of lines(
      path.endsWith(".gz") ? gunzip(stored) : stored,
      () => `${path}:${line + 1}`,
    )) {
      line++;
      if (bytes.length === 0) continue;
      const text = textOf(bytes, `${path}:${line}`);
      if (typeof text === "string") yield { text, consumed: file.bytesRead };
      else if (onBadLine === "fail") throw text;
      else yield { text: "", consumed: file.bytesRead, skipped: text.message };
    }
  } catch (error) {
    if (error instanceof EnvironmentError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (!code.startsWith("Z_"))
      throw new EnvironmentError(`${path}: cannot be read: ${(error as Error).message}`);
    const whole = line === 0 ? "no whole line could be read" : `the last whole line is ${line}`;
    throw new EnvironmentError(
      `${path}:${line + 1}: corrupt gzip (${(error as Error).message}; ${whole}). Download the file again.`,
    );
  } finally {
    file.destroy();
  }
}

async function* tapped(file: AsyncIterable<Buffer>, onBytes: ReadOptions["onBytes"]): AsyncIterable<Buffer> {
  for await (const chunk of file) {
    onBytes?.(chunk);
    yield chunk;
  }
}

/** The pieces between line feeds, without a carriage return before one. `where` names the line that is too long. */
async function* lines(chunks: AsyncIterable<Buffer>, where: () => string): AsyncIterable<Buffer> {
  let open: Buffer[] = [];
  let length = 0; // of what is open
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      yield trimmed(
        open.length === 0 ? chunk.subarray(start, end) : Buffer.concat([...open, chunk.subarray(start, end)]),
      );
      open = [];
      length = 0;
      start = end + 1;
    }
    if (start === chunk.length) continue;
    open.push(chunk.subarray(start));
    length += chunk.length - start;
    if (length > LONGEST_LINE)
      throw new EnvironmentError(
        `${where()}: the line is longer than ${sizeText(LONGEST_LINE)}; is it one JSON object per line?`,
      );
  }
  if (open.length > 0) yield trimmed(Buffer.concat(open));
}

function trimmed(line: Buffer): Buffer {
  return line.at(-1) === 13 ? line.subarray(0, -1) : line;
}

/** The line's text, or what is wrong with it. */
function textOf(bytes: Buffer, where: string): string | EnvironmentError {
  if (!isUtf8(bytes)) return new EnvironmentError(`${where}: not valid UTF-8`);
  let row: unknown;
  try {
    row = JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    return new EnvironmentError(`${where}: not valid JSON: ${(error as Error).message}`);
  }
  const text = (row as { text?: unknown } | null)?.text;
  if (typeof text === "string") return text;
  return new EnvironmentError(`${where}: expected an object with a string "text", got ${shown(row)}`);
}

function shown(row: unknown): string {
  if (row === null || typeof row !== "object" || Array.isArray(row)) return JSON.stringify(row).slice(0, 60);
  return `an object with the keys ${Object.keys(row).join(", ") || "(none)"}`;
}
