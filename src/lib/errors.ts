/** The two kinds of error a user can cause. Anything else that is thrown is a bug of ours and keeps its stack. */
import { statSync } from "node:fs";
import { dirname } from "node:path";

/** The user's input is wrong: say where, what, what was found and what is allowed. Exit code 2. */
export class UserError extends Error {
  override readonly name = "UserError";
}

/** The machine lacks something (an engine, a file, memory, disk): say what, and how to get it. Exit code 69. */
export class EnvironmentError extends Error {
  override readonly name = "EnvironmentError";
}

/** Errors of the operating system that mean the disk or a permission, not a bug. */
const DISK: Readonly<Record<string, string>> = {
  ENOSPC: "no space left on device",
  EDQUOT: "disk quota exceeded",
  EROFS: "read-only file system",
  EACCES: "permission denied",
  EIO: "I/O error",
  EFBIG: "file size limit exceeded",
};

/** The error as one of the two kinds above, or undefined where it is a bug. */
export function knownError(error: unknown): UserError | EnvironmentError | undefined {
  if (error instanceof UserError || error instanceof EnvironmentError) return error;
  const { code, path, syscall } = error as NodeJS.ErrnoException;
  if (syscall === "uv_cwd") return new EnvironmentError("the current folder is gone; change to another one");
  const meaning = code === undefined ? undefined : DISK[code];
  if (meaning === undefined) return undefined;
  const owner = code === "EACCES" && path !== undefined ? ownerText(path) : "";
  return new EnvironmentError(`${path ?? `${syscall ?? "write"}`}: ${meaning} (${code})${owner}`);
}

/** Whose the file is, or the nearest folder above it that can be seen; empty where it is one's own. */
function ownerText(path: string): string {
  for (let at = path; ; at = dirname(at)) {
    let uid: number;
    try {
      uid = statSync(at).uid;
    } catch {
      if (at === dirname(at)) return "";
      continue;
    }
    if (uid === process.getuid?.()) return "";
    return `; ${at} belongs to user ${uid}: to share a sweep, give its runs folder to a group (chgrp, chmod g+ws) before it begins`;
  }
}

/** Exit codes of the `hnorm` command, one meaning each. */
export const EXIT = {
  ok: 0,
  bug: 1,
  config: 2,
  someRunsFailed: 3,
  mismatch: 4,
  unavailable: 69,
  savedRequeue: 75,
  interrupted: 130,
  terminated: 143,
} as const;
