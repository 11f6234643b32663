/**
 * The first documents of a file on the hub without the rest of it: a gzip stream can be read as far as it has come. What
 * is kept holds whole lines, but no checksum can vouch for them, as checksums are of whole files.
 */
import { createHash, randomUUID } from "node:crypto";
import { createWriteStream, existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { EnvironmentError } from "../../lib/errors.ts";
import { gunzip } from "../gunzip.ts";
import { bytesOf } from "./bytes.ts";
import type { FileFacts } from "./facts.ts";
import { type OnProgress, tracker } from "./progress.ts";
import type { Hub } from "./request.ts";

/** Writes the first `documents` lines that are not blank, or all there are, to `target`, gzipped. */
export async function downloadPrefix(
  hub: Hub,
  facts: FileFacts,
  documents: number,
  target: string,
  name: string,
  tell: OnProgress,
): Promise<void> {
  if (existsSync(target)) return;
  await mkdir(dirname(target), { recursive: true });
  const temporary = `${target}.${randomUUID()}.tmp`;
  const raw = verified(hub, facts, name, tell);
  const text = name.endsWith(".gz") ? gunzip(raw) : raw;
  try {
    await pipeline(firstLines(text, documents), createGzip({ level: 1 }), createWriteStream(temporary));
    await rename(temporary, target);
  } catch (error) {
    if (!(error as NodeJS.ErrnoException).code?.startsWith("Z_")) throw error;
    throw new EnvironmentError(`${name}: corrupt gzip (${(error as Error).message})`);
  } finally {
    await raw.return(undefined); // lets go of the connection
    await rm(temporary, { force: true });
  }
}

/** The file's bytes in order, each once. Whoever reads to the end learns whether they were right. */
async function* verified(
  hub: Hub,
  facts: FileFacts,
  name: string,
  tell: OnProgress,
): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  const track = tracker(`downloading the first documents of ${name}`, facts.bytes, 0, tell);
  let done = 0;
  for await (const { at, bytes } of bytesOf(hub, {
    url: facts.url,
    bytes: facts.bytes,
    from: 0,
    log: tell,
  })) {
    const fresh = bytes.subarray(Math.max(0, done - at)); // a server that begins anew repeats itself
    if (fresh.length === 0) continue;
    done += fresh.length;
    hash.update(fresh);
    track(done);
    yield fresh;
  }
  if (facts.etag.length === 64 && hash.digest("hex") !== facts.etag)
    throw new EnvironmentError(`${name}: the download does not match its checksum ${facts.etag}`);
}

async function* firstLines(text: AsyncIterable<Uint8Array>, documents: number): AsyncGenerator<Uint8Array> {
  let lines = 0;
  let length = 0; // of the line so far; a carriage return alone is a blank line
  for await (const chunk of text) {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      if (length + end - start > 1) lines++;
      [start, length] = [end + 1, 0];
      if (lines === documents) {
        yield chunk.subarray(0, start);
        return;
      }
    }
    length += chunk.length - start;
    yield chunk;
  }
}
