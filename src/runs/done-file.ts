/**
 * DONE, the marker of a finished run: how it ended, and then, as `sha256sum` writes them, the checksums of all result files
 * and of the lines before. `tail -n +2 DONE | head -n -1 | sha256sum --check` reads it as `hnorm verify --files` does.
 */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import type { TablePrefix } from "../lib/csv.ts";
import { EnvironmentError } from "../lib/errors.ts";
import { sha256, sha256File } from "../lib/hash.ts";
import { openRegular, readRegularIfAny } from "../lib/regular-file.ts";
import { runFiles } from "./paths.ts";
import { type RunState, readStatus } from "./status.ts";

export interface FileFault {
  readonly file: string;
  readonly what: "missing" | "changed";
}

/** `unchecked`: written by a version that kept no checksums; what can be missed is there. */
export type FileCheck = readonly FileFault[] | "unchecked";

const MAX_BYTES = 1 << 20;
const LINE = /^([0-9a-f]{64}) {2}(\w[\w.-]*)$/;
/** What DONE held when it had no checksums. */
const FORMER = /^(done|diverged)\n$/;

/**
 * The text of DONE. `tables`: what was written to each of them; throws where the disk has something else by now, with a
 * code that says so.
 */
export async function doneText(
  dir: string,
  state: RunState,
  tables: Readonly<Record<string, TablePrefix>>,
): Promise<string> {
  const { config, provenance, status, weights } = runFiles(dir);
  const others = [config, provenance, status, weights].filter((path) => existsSync(path));
  const names = [...others.map((path) => basename(path)), ...Object.keys(tables)].sort();
  let text = `${state}\n`;
  for (const name of names) {
    const digest = await digestOf(join(dir, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "gone";
      throw error;
    });
    const written = tables[name]?.sha256;
    if (digest === "gone" || (written !== undefined && written !== digest)) {
      const message = `${join(dir, name)}: the disk has other bytes than were written to it`;
      throw Object.assign(new EnvironmentError(message), { code: "EFILECHANGED" });
    }
    text += `${digest}  ${name}\n`;
  }
  return `${text}${sha256(text)}  DONE\n`;
}

/** What is wrong with the files of a finished run. `weights`: read those too, which may be large, not only look for them. */
export async function checkFiles(dir: string, { weights = true } = {}): Promise<FileCheck> {
  const files = runFiles(dir);
  const text = textOf(files.done);
  if (FORMER.test(text)) {
    const expected = [files.config, files.metrics, ...(text === "done\n" ? [files.weights] : [])];
    const faults = expected.filter((path) => !existsSync(path)).map(missing);
    if (!existsSync(files.status)) faults.push(missing(files.status));
    else if (readStatus(dir) === undefined) faults.push({ file: basename(files.status), what: "changed" });
    return faults.length === 0 ? "unchecked" : faults;
  }
  const listed = digestsIn(text);
  if (listed === undefined) return [{ file: basename(files.done), what: "changed" }];
  const faults: FileFault[] = [];
  for (const [file, digest] of listed) {
    const path = join(dir, file);
    if (!existsSync(path)) faults.push(missing(path));
    else if ((weights || path !== files.weights) && (await digestOf(path).catch(() => "")) !== digest)
      faults.push({ file, what: "changed" });
  }
  return faults;
}

/** The checksum that a finished run's marker has of its weights; undefined where it has none. */
export const weightsDigest = (dir: string): string | undefined => {
  const { done, weights } = runFiles(dir);
  return digestsIn(textOf(done))?.get(basename(weights));
};

const missing = (path: string): FileFault => ({ file: basename(path), what: "missing" });

/** By file name; undefined where the text is not as it was written. */
function digestsIn(text: string): ReadonlyMap<string, string> | undefined {
  const lines = text.split("\n").slice(1, -1);
  const listed = lines.map((line) => LINE.exec(line));
  const last = listed.at(-1);
  const before = text.slice(0, text.length - (lines.at(-1)?.length ?? 0) - 1);
  if (last?.[2] !== "DONE" || last[1] !== sha256(before)) return undefined;
  return new Map(listed.slice(0, -1).map((found) => [found![2]!, found![1]!]));
}

const textOf = (path: string): string => readRegularIfAny(path, MAX_BYTES);

/** Through no link. */
const digestOf = async (path: string): Promise<string> => sha256File(path, openRegular(path, "read"));
