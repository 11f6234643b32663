/** A sweep's or a run's folder as users name it: by its path, or by its name below the folder of all sweeps. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { runsDir } from "../../local/folders.ts";
import { runFiles } from "../../runs/paths.ts";
import { isSweep } from "../../sweep/listing.ts";

/** `runs/quick`, or `quick` in HNORM_RUNS_DIR (default: ./runs). As it is written where there is neither. */
export const sweepFolder = (word: string): string => named(word, isSweep);

/** `runs/quick/pre-1a2b3c4d`, or `quick/pre-1a2b3c4d`. */
export const runFolder = (word: string): string => named(word, (dir) => existsSync(runFiles(dir).config));

function named(word: string, isOne: (dir: string) => boolean): string {
  const below = join(runsDir(undefined), word);
  return !isOne(word) && isOne(below) ? below : word;
}
