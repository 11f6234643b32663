/**
 * Files of a dataset on the hub as a source uses them: known by size and checksum at once, fetched when they are read.
 * Looks into the cache first; with HF_HUB_OFFLINE nowhere else.
 */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { EnvironmentError, UserError } from "../../lib/errors.ts";
import { rememberedHash } from "../../lib/file-hash.ts";
import type { DataContext } from "../source.ts";
import { addToCache, blobPath, type Cached, cached, removeCached } from "./cache.ts";
import { checksums } from "./checksums.ts";
import { blobHash, downloadBlob, isGitHash } from "./download.ts";
import { type FileFacts, factsOf } from "./facts.ts";
import { downloadPrefix } from "./prefix.ts";
import { type HubFile, hubFiles, nameOf } from "./reference.ts";
import { DEFAULT_POLICY, type Hub, type RequestPolicy } from "./request.ts";
import { hubSettings } from "./settings.ts";

export interface RemoteFile {
  /** `OWNER/NAME@REVISION/PATH`. */
  readonly reference: string;
  /** Its name without its folders. */
  readonly name: string;
  readonly bytes: number;
  /** Of the whole file: sha256, or git's sha1 where that is what the hub names a small file by. */
  readonly checksum: string;
  /** Fetches it where it is not in the cache yet, and says where it lies. With `documents`, that many may do. */
  local(documents?: number): Promise<string>;
}

/** The files that a reference names. `key` is the config key it stands under. */
export async function openHubFiles(
  key: string,
  reference: string,
  ctx: DataContext,
  policy: RequestPolicy = DEFAULT_POLICY,
): Promise<readonly RemoteFile[]> {
  const files = hubFiles(reference);
  if (typeof files === "string") throw new UserError(`${key}: ${files}`);
  const env = ctx.env ?? process.env;
  const hub: Hub = { settings: hubSettings(env), env, policy };
  const opened: RemoteFile[] = [];
  for (const file of files) opened.push(await openFile(hub, file, ctx));
  return opened;
}

async function openFile(hub: Hub, file: HubFile, ctx: DataContext): Promise<RemoteFile> {
  const tell = (message: string, done?: number, total?: number) => ctx.onProgress?.(message, done, total);
  const inCache = await sound(hub, file, ctx.cacheDir, tell);
  const known = checksums(file.repo).get(file.path);
  let facts: FileFacts | undefined;
  if (known === undefined && inCache === undefined) facts = await remote();
  const checksum =
    known?.sha256 ??
    facts?.etag ??
    inCache?.etag ??
    (await rememberedHash(inCache!.path, join(ctx.cacheDir, "hashes")));
  const name = basename(file.path);

  async function remote(): Promise<FileFacts> {
    const { offline, cacheDir } = hub.settings;
    if (offline)
      throw new EnvironmentError(
        `${nameOf(file)} at ${file.revision}: HF_HUB_OFFLINE is set, and the file is not in ${cacheDir}`,
      );
    facts ??= await factsOf(hub, file, tell);
    return facts;
  }

  return {
    reference: `${file.repo}@${file.revision}/${file.path}`,
    name,
    bytes: known?.bytes ?? facts?.bytes ?? inCache!.bytes,
    checksum,
    async local(documents) {
      const there = await sound(hub, file, ctx.cacheDir, tell);
      if (there !== undefined) return there.path;
      const ending = name.replace(/^[^.]*/, "").replace(/(\.gz)?$/, ".gz");
      const prefix = join(ctx.cacheDir, "hub", `${checksum.slice(0, 32)}.first-${documents}${ending}`);
      if (documents !== undefined && existsSync(prefix)) return prefix;
      const what = await remote();
      if (documents !== undefined) {
        await downloadPrefix(hub, what, documents, prefix, name, tell);
        return prefix;
      }
      const blob = blobPath(hub.settings.cacheDir, file, what.etag);
      await downloadBlob(hub, what, blob, name, tell);
      return addToCache(hub.settings.cacheDir, file, what.commit, what.etag);
    },
  };
}

/**
 * The file as it lies in the cache, unless its bytes are not those that its name, or what is known of it, says. They are
 * hashed in whole, once for every time that somebody writes to the file; a damaged one is removed.
 */
async function sound(
  hub: Hub,
  file: HubFile,
  cacheDir: string,
  tell: (message: string) => void,
): Promise<Cached | undefined> {
  const found = cached(hub.settings.cacheDir, file);
  if (found === undefined) return undefined;
  const known = checksums(file.repo).get(file.path);
  const expected = known?.sha256 ?? found.etag;
  if (expected === undefined) return found; // a copy of which nothing is known
  const hash = await rememberedHash(
    found.path,
    join(cacheDir, "hashes"),
    (path) => blobHash(path, expected),
    isGitHash(expected) ? "git" : "sha256",
  );
  if (hash === expected) return found;
  tell(`${nameOf(file)}: damaged in the cache (checksum ${hash}, expected ${expected})`);
  await removeCached(found);
  return undefined;
}
