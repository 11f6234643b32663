/**
 * Runs a program of ours in a process of its own: what it tries may hang, crash, or take the driver down, and then this
 * process goes on. It reports by messages, and is killed once it has been silent for too long.
 */
import { type ChildProcess, fork } from "node:child_process";

export interface SeparateRun<M> {
  /** A JavaScript file. */
  readonly program: string;
  readonly args: readonly string[];
  /** Milliseconds without a message after which it is killed. */
  readonly timeoutMs: number;
  /** What a message changes: the timeout from now on (undefined: nothing, not even that time has passed), or `STOP`. */
  readonly onMessage?: (message: M) => number | typeof STOP | undefined;
}

/** It has reported all that is wanted, and is killed. */
export const STOP = "stop";

/** How it ended. `killedByOthers`: by a SIGKILL that was not ours, so that it is not to blame. */
export interface Ended {
  readonly why: string;
  readonly killedByOthers: boolean;
}

/** After it was killed, a process may still wait for a device. */
const DEATH_MS = 10_000;
/** Of what it wrote to stderr last. */
const MAX_CHARACTERS = 400;

/** Never rejects: that it could not be started is a way to end, too. */
export function runSeparately<M>({ program, args, timeoutMs, onMessage }: SeparateRun<M>): Promise<Ended> {
  const child = fork(program, args, {
    execArgv: [],
    serialization: "advanced", // numbers may be infinite
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  return ended(child, timeoutMs, onMessage);
}

function ended<M>(
  child: ChildProcess,
  timeoutMs: number,
  onMessage: SeparateRun<M>["onMessage"],
): Promise<Ended> {
  let killed: string | undefined;
  let stderr = "";
  const lastLines = () => stderr.trim().replaceAll(/\s*\n\s*/g, "; ");
  return new Promise((resolve) => {
    const gone = (why: string, killedByOthers = false) => {
      clearTimeout(timer);
      resolve(killed === undefined ? { why, killedByOthers } : { why: killed, killedByOthers: false });
    };
    const kill = (why: string) => {
      killed = why;
      child.kill("SIGKILL");
      timer = setTimeout(gone, DEATH_MS, why);
    };
    const wait = (ms: number) => setTimeout(() => kill(timeoutText(ms, lastLines())), ms);
    let timer = wait(timeoutMs);
    child.stderr!.setEncoding("utf8").on("data", (data: string) => {
      stderr = (stderr + data).slice(-MAX_CHARACTERS);
    });
    child.on("message", (message) => {
      if (killed !== undefined) return;
      const next = onMessage?.(message as M);
      if (next === undefined) return;
      clearTimeout(timer);
      if (next === STOP) kill("it has reported everything");
      else timer = wait(next);
    });
    child.on("error", (error) => gone(error.message));
    child.on("close", (code, signal) => {
      const last = lastLines();
      gone(`it ended by ${signal ?? `exit code ${code}`}${last && `: ${last}`}`, signal === "SIGKILL");
    });
  });
}

const timeoutText = (ms: number, last: string): string =>
  `it did not end within ${ms / 1000} s${last && `; its last output: ${last}`}`;
