/** Finds what a config or a command calls shards: a folder with a manifest, or a pair of `.bin` and `.idx`. */
import { existsSync, statSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { EnvironmentError } from "../../lib/errors.ts";
import type { FilePlaces } from "../tokenizer.ts";
import { LOCK } from "./folder-lock.ts";
import { MANIFEST } from "./manifest.ts";

/** A pair's path is without its ending. */
export interface FoundShards {
  readonly kind: "folder" | "pair";
  readonly path: string;
}

/** Relative paths are looked up beside the config first, then in the data folder. `key` is what the message names. */
export function findPrepared(path: string, key: string, { baseDir, dataDir }: FilePlaces): FoundShards {
  const places = isAbsolute(path)
    ? [path]
    : [baseDir, ...(dataDir === undefined ? [] : [dataDir])].map((p) => join(p, path));
  const unfinished: string[] = [];
  for (const place of places) {
    if (isFolder(place)) {
      if (existsSync(join(place, MANIFEST))) return { kind: "folder", path: place };
      unfinished.push(place);
    }
    const stem = place.replace(/\.(bin|idx)$/, "");
    if (existsSync(`${stem}.bin`) && existsSync(`${stem}.idx`)) return { kind: "pair", path: stem };
  }
  const [folder] = unfinished;
  if (folder !== undefined) {
    const hint = existsSync(join(folder, LOCK)) ? " Its preparation is in progress or was interrupted." : "";
    throw new EnvironmentError(
      `${key}: ${folder} has no ${MANIFEST}, so it is not a finished folder of shards.${hint} Run \`hnorm data prepare\` to finish it.`,
    );
  }
  const searched = places.map((p) => resolve(p)).join(" nor ");
  throw new EnvironmentError(`${key}: neither a folder of shards nor a pair of .bin and .idx at ${searched}`);
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
