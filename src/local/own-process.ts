/**
 * Which processes are hnorm's own, by their command lines. A run's folder may lie where others can write to it: what it says
 * of processes is only a hint, and none is signalled that is not what the folder says it is.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { statFields } from "../runs/process-identity.ts";

/** Whether the process is `hnorm run-one DIR`, which trains the run in this very folder. */
export function trainsRun(pid: number, dir: string): boolean {
  const [command, argument] = hnormWords(pid);
  return command === "run-one" && argument !== undefined && isSameFolder(argument, dir);
}

/** The process that started this one, where it is an `hnorm sweep` or `hnorm worker`. */
export function workerOf(pid: number): number | undefined {
  const parent = parentOf(pid);
  if (parent === undefined) return undefined;
  const [command] = hnormWords(parent);
  return command === "sweep" || command === "worker" ? parent : undefined;
}

/** The words after the program's name; none where it is another program, or there is no such process. */
function hnormWords(pid: number): readonly string[] {
  const words = wordsOf(pid);
  const at = words.findIndex((word) => /(^|\/)hnorm(\.js)?$/.test(word));
  return at < 0 ? [] : words.slice(at + 1);
}

function wordsOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    // No /proc here: `ps` puts blanks between the words, so a folder with one in its name is not recognized.
    return ps(pid, "command").split(/\s+/);
  }
}

function parentOf(pid: number): number | undefined {
  return Number(statFields(pid)?.[1] ?? ps(pid, "ppid")) || undefined;
}

const ps = (pid: number, column: string): string =>
  (spawnSync("ps", ["-ww", "-o", `${column}=`, "-p", String(pid)], { encoding: "utf8" }).stdout ?? "").trim();

/** Under whichever names. */
function isSameFolder(a: string, b: string): boolean {
  try {
    const [first, second] = [a, b].map((path) => statSync(path));
    return first!.ino === second!.ino && first!.dev === second!.dev;
  } catch {
    return false;
  }
}
