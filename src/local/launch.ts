/**
 * Runs one run in a process of its own: a crash, a leak or a blocked event loop costs that run alone. The child is
 * this same program (`hnorm run-one DIR`), told what to do over its message channel.
 */
import { type ChildProcess, fork } from "node:child_process";
import { closeSync, fstatSync, mkdirSync, readSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { ENTRY } from "../lib/entry.ts";
import { openRegular } from "../lib/regular-file.ts";
import { isLink } from "../runs/require-no-links.ts";
import type { RunEvent } from "../train/events.ts";
import type { ToChild, Work } from "./work.ts";

export interface Launch {
  readonly work: Work;
  readonly onEvent: (event: RunEvent) => void;
  /** A new file that takes what it writes to stderr, also after this process is gone. Absent: it is kept here. */
  readonly stderr?: string;
  /** Added to this process's own. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface Launched {
  /** How the process ended; never rejects. */
  readonly ended: Promise<ChildEnd>;
  /** Asks it to stop at the next step. */
  stop(): void;
  /** Ends it now. */
  kill(): void;
}

export interface ChildEnd {
  /** Absent where the process could not be started. */
  readonly pid: number | undefined;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last lines it wrote to stderr. */
  readonly stderr: string;
}

const KEPT_STDERR = 4000;

export function launch({ work, onEvent, stderr, env }: Launch): Launched {
  const log = stderr === undefined ? undefined : openLog(stderr);
  // The folder stands in its command line, by which `hnorm cancel` knows the process.
  const child: ChildProcess = fork(ENTRY, ["run-one", resolve(work.dir)], {
    stdio: ["ignore", "ignore", log ?? "pipe", "ipc"],
    serialization: "advanced", // JSON would make null of a loss that is NaN
    env: { ...process.env, ...env },
  });
  const { pid } = child;
  let piped = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    piped = (piped + text).slice(-KEPT_STDERR);
  });
  child.on("message", (event) => onEvent(event as RunEvent));
  const send = (message: ToChild) => child.connected && child.send(message, () => {}); // it may be gone by now
  send({ kind: "work", work });

  const ended = new Promise<ChildEnd>((settle) => {
    let failure = "";
    const end = (code: number | null, signal: NodeJS.Signals | null) => {
      settle({ pid, code, signal, stderr: (log === undefined ? piped : tail(log)) + failure });
      if (log !== undefined) closeSync(log);
    };
    child.on("error", (error) => {
      failure = error.message;
      if (pid === undefined) end(null, null); // no other event follows
    });
    child.on("close", end);
  });
  return { ended, stop: () => void send({ kind: "stop" }), kill: () => void child.kill("SIGKILL") };
}

/** The file, or undefined where the disk will not have it: then the lines are kept in memory. */
function openLog(path: string): number | undefined {
  try {
    mkdirSync(dirname(path), { recursive: true });
    return isLink(dirname(path)) ? undefined : openRegular(path, "new");
  } catch {
    return undefined;
  }
}

function tail(file: number): string {
  const { size } = fstatSync(file);
  const bytes = Buffer.alloc(Math.min(size, KEPT_STDERR));
  readSync(file, bytes, 0, bytes.length, size - bytes.length);
  return bytes.toString("utf8");
}
