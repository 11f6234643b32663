/**
 * Files in a folder that others can write to: never through a symbolic link, which may lead anywhere, and never a FIFO or
 * a device, which may never end.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { EnvironmentError } from "./errors.ts";

/** Neither exists on Windows. O_NONBLOCK: opening a FIFO does not wait for its other end. */
const { O_NOFOLLOW = 0, O_NONBLOCK = 0, O_APPEND, O_CREAT, O_EXCL, O_RDONLY, O_RDWR } = constants;

const FLAGS = { read: O_RDONLY, append: O_RDWR | O_APPEND | O_CREAT, new: O_RDWR | O_CREAT | O_EXCL };

export interface OpenOptions {
  /** Whether a symbolic link to a regular file will do. */
  readonly follow?: boolean;
}

/** The file's descriptor. `new` throws EEXIST where anything is there; what is no regular file is an EnvironmentError. */
export function openRegular(
  path: string,
  how: keyof typeof FLAGS,
  { follow = false }: OpenOptions = {},
): number {
  let fd: number;
  try {
    fd = openSync(path, FLAGS[how] | O_NONBLOCK | (follow ? 0 : O_NOFOLLOW));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ELOOP") throw new EnvironmentError(`${path}: a symbolic link, which is not followed here`);
    throw error;
  }
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw new EnvironmentError(`${path}: not a regular file`);
}

/** Its bytes. Throws as `openRegular` does, and an EnvironmentError where there are more than `maxBytes`. */
export function readRegularBytes(path: string, maxBytes: number, options: OpenOptions = {}): Buffer {
  const fd = openRegular(path, "read", options);
  try {
    const { size } = fstatSync(fd);
    if (size <= maxBytes) return readFileSync(fd);
    throw new EnvironmentError(`${path}: ${size} bytes; at most ${maxBytes} are read`);
  } finally {
    closeSync(fd);
  }
}

/** The same as text. */
export const readRegular = (path: string, maxBytes: number, options: OpenOptions = {}): string =>
  readRegularBytes(path, maxBytes, options).toString("utf8");

/** The same, or nothing, where it is not there or cannot be read so. */
export function readRegularIfAny(path: string, maxBytes: number): string {
  try {
    return readRegular(path, maxBytes);
  } catch {
    return "";
  }
}
