/**
 * Writes all of the bytes, or throws. One `write` may take only a part of them: of a large buffer, or on a disk that is
 * nearly full, where only the next one says ENOSPC.
 */
import { writeSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";

/** No more than 2 GiB fit into one call. */
const PIECE_BYTES = 1 << 26;

/** Appends them where the file's position is. */
export async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, Math.min(bytes.length - at, PIECE_BYTES));
    at += progress(bytesWritten);
  }
}

/** The same while the caller waits, from `position` of the file on, or where it is. */
export function writeAllSync(fd: number, bytes: Uint8Array, position: number | null): void {
  for (let at = 0; at < bytes.length; ) {
    const length = Math.min(bytes.length - at, PIECE_BYTES);
    at += progress(writeSync(fd, bytes, at, length, position === null ? null : position + at));
  }
}

function progress(written: number): number {
  if (written > 0) return written;
  throw Object.assign(new Error("EIO: write took no bytes"), { code: "EIO", syscall: "write" });
}
