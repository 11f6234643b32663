/**
 * Runs one run in a process of its own: a crash, a leak or a blocked event loop costs that run alone. The child is
 * this same program (`hnorm run-one`), told what to do over its message channel.
 */
import { type ChildProcess, fork } from "node:child_process";

/** What the parent sends: first the work, later perhaps `stop`. */
export type ToChild<W> = { readonly kind: "work"; readonly work: W } | { readonly kind: "stop" };

export interface Launch<W, E> {
  /** The program's entry file. */
  readonly entry: string;
  readonly work: W;
  readonly onEvent: (event: E) => void;
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

export function launch<W extends object, E>({ entry, work, onEvent }: Launch<W, E>): Launched {
  const child: ChildProcess = fork(entry, ["run-one"], { stdio: ["ignore", "ignore", "pipe", "ipc"] });
  const { pid } = child;
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-KEPT_STDERR);
  });
  child.on("message", (event) => onEvent(event as E));
  const send = (message: ToChild<W>) => child.connected && child.send(message);
  send({ kind: "work", work });

  const ended = new Promise<ChildEnd>((resolve) => {
    child.on("error", (error) =>
      resolve({ pid, code: null, signal: null, stderr: `${stderr}${error.message}` }),
    );
    child.on("close", (code, signal) => resolve({ pid, code, signal, stderr }));
  });
  return { ended, stop: () => void send({ kind: "stop" }), kill: () => void child.kill("SIGKILL") };
}
