/** Why an attempt ended, in a word that says whether to try again: see local/retry.ts. */
import { EnvironmentError, UserError } from "../lib/errors.ts";

export type Cause =
  /** The config is wrong for the machine or the data: the same again would end the same. */
  | "config"
  /** The machine lacks something: an engine, a file, a permission. */
  | "environment"
  /** An error nobody foresaw. */
  | "bug"
  /** The disk: full, over its quota, or failing. */
  | "disk"
  | "network"
  /** Too little memory, on the machine or in the process's share of it. */
  | "memory"
  /** The device or its driver went away. */
  | "engine"
  /** The process crashed, or ended without a word. */
  | "crash"
  /** SIGKILL, from somebody else. */
  | "killed"
  /** Asked to stop, or preempted: it saved its state. */
  | "stopped"
  /** The process and whoever started it are gone without a word, or silent: the machine, most likely. */
  | "vanished";

/** Codes of the operating system, of the network library, and of engines that lose their device. */
const BY_CODE: readonly (readonly [codes: RegExp, cause: Cause])[] = [
  [/^(ENOSPC|EDQUOT|EIO|ESTALE|EFBIG|EFILECHANGED)$/, "disk"],
  [/^(ECONN\w+|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|EPIPE|UND_ERR_\w+)$/, "network"],
  [/^(ENOMEM|EMFILE|ENFILE|EAGAIN|ERR_WORKER_OUT_OF_MEMORY|OUT_OF_MEMORY)$/, "memory"],
  [/^ENGINE_LOST$/, "engine"],
];

/** The cause an error speaks of; the innermost code decides. */
export function causeOf(error: unknown): Cause {
  for (let inner = error; inner instanceof Error; inner = inner.cause) {
    const { code } = inner as NodeJS.ErrnoException;
    const found = BY_CODE.find(([codes]) => code !== undefined && codes.test(code));
    if (found !== undefined) return found[1];
  }
  if (error instanceof UserError) return "config";
  return error instanceof EnvironmentError || permission(error) ? "environment" : "bug";
}

const permission = (error: unknown): boolean =>
  /^(EACCES|EPERM|EROFS|ENOTDIR|EISDIR)$/.test((error as NodeJS.ErrnoException | undefined)?.code ?? "");
