/**
 * A blob into the cache: resumed where an earlier try broke off, hashed as it comes, and under its own name only once
 * its checksum is right. Of two processes one downloads and the other waits.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, readFile, rename, rm, stat, statfs, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { EnvironmentError } from "../../lib/errors.ts";
import { bytes as sizeText } from "../../lib/format.ts";
import { sha256File } from "../../lib/hash.ts";
import { withLock } from "../../lib/with-lock.ts";
import { writeAll } from "../../lib/write-all.ts";
import { bytesOf } from "./bytes.ts";
import type { FileFacts } from "./facts.ts";
import { type OnProgress, tracker } from "./progress.ts";
import type { Hub } from "./request.ts";

/** Downloads into `blob` unless it is there. `name` is what messages call the file. */
export async function downloadBlob(
  hub: Hub,
  facts: FileFacts,
  blob: string,
  name: string,
  tell: OnProgress,
): Promise<void> {
  if (await isThere(blob, facts)) return;
  const waiting = () => tell(`waiting for another process that downloads ${name}`);
  await withLock(
    `${blob}.hnorm.lock`,
    async () => {
      if (await isThere(blob, facts)) return;
      const resumed = (await sizeOf(partOf(blob))) > 0;
      await requireSpace(dirname(blob), facts.bytes - (await sizeOf(partOf(blob))), name);
      const got = await fetchPart(hub, facts, blob, name, tell);
      if (got === facts.etag) return rename(partOf(blob), blob);
      await discard(blob);
      // What lay there may have been damaged by whatever ended the try before.
      if (resumed && (await fetchPart(hub, facts, blob, name, tell)) === facts.etag)
        return rename(partOf(blob), blob);
      await discard(blob);
      throw new EnvironmentError(
        `${name}: the download does not match its checksum (got ${got}, expected ${facts.etag}); discarded`,
      );
    },
    waiting,
  );
}

/** Whether the blob is what its name says; one of the right size that is not is fetched again. */
const isThere = async (blob: string, { bytes, etag }: FileFacts): Promise<boolean> =>
  (await sizeOf(blob)) === bytes && (await blobHash(blob, etag)) === etag;

/** Before the first byte, not after the last that fits. */
async function requireSpace(folder: string, bytes: number, name: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder, { bigint: true });
  const free = Number(bavail * bsize);
  if (bytes > free)
    throw new EnvironmentError(
      `${name}: ${sizeText(bytes)} are to be downloaded, and ${folder} has ${sizeText(free)} free`,
    );
}

/** Completes the partial file and returns its digest. */
async function fetchPart(
  hub: Hub,
  facts: FileFacts,
  blob: string,
  name: string,
  tell: OnProgress,
): Promise<string> {
  const part = partOf(blob);
  if ((await sizeOf(part)) > facts.bytes) await discard(blob);
  let at = await sizeOf(part);
  let hash = digestOf(facts);
  if (at > 0)
    for await (const chunk of createReadStream(part, { highWaterMark: 1 << 20 })) hash.update(chunk);
  const track = tracker(`downloading ${name}`, facts.bytes, at, tell);
  const file = await open(part, "a");
  try {
    const range = {
      url: facts.url,
      bytes: facts.bytes,
      from: at,
      log: tell,
      validator: await readFile(validatorOf(blob), "utf8").catch(() => undefined),
      onValidator: (etag: string) => void writeFile(validatorOf(blob), etag).catch(() => {}),
    };
    for await (const { at: where, bytes } of bytesOf(hub, range)) {
      if (where !== at) {
        await file.truncate(where); // the server began anew
        [at, hash] = [where, digestOf(facts)];
      }
      await writeAll(file, bytes);
      hash.update(bytes);
      at += bytes.length;
      track(at);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  await rm(validatorOf(blob), { force: true });
  return hash.digest("hex");
}

/** sha256, or git's hash of a blob: sha1 over "blob SIZE\0" and the contents. */
function digestOf({ etag, bytes }: FileFacts) {
  return isGitHash(etag) ? createHash("sha1").update(`blob ${bytes}\0`) : createHash("sha256");
}

/** The hash of a file's contents of the kind that this name of a blob is. */
export const blobHash = (path: string, etag: string): Promise<string> =>
  isGitHash(etag) ? gitBlobHash(path) : sha256File(path);

/** Git's sha1, and not sha256. */
export const isGitHash = (etag: string): boolean => etag.length === 40;

/** Git's name of a file's contents. */
async function gitBlobHash(path: string): Promise<string> {
  const hash = createHash("sha1").update(`blob ${await sizeOf(path)}\0`);
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return hash.digest("hex");
}

async function discard(blob: string): Promise<void> {
  await rm(partOf(blob), { force: true });
  await rm(validatorOf(blob), { force: true });
}

const partOf = (blob: string): string => `${blob}.hnorm.incomplete`;
/** The ETag under which the partial file's bytes came: not the hub's, but that of the host that sends them. */
const validatorOf = (blob: string): string => `${blob}.hnorm.etag`;

const sizeOf = async (path: string): Promise<number> => (await stat(path).catch(() => undefined))?.size ?? 0;
