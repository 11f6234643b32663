/** Asking another program, which may be absent, slow, hung or broken: an answer within a time, and never an error. */
import { spawn } from "node:child_process";

export type ProgramResult =
  | { readonly kind: "answered"; readonly text: string }
  /** It ended with an error: what it said, on one line. */
  | { readonly kind: "failed"; readonly why: string }
  /** It did not end in time: the last line it wrote, if any. */
  | { readonly kind: "silent"; readonly last: string }
  | { readonly kind: "absent" };

/** More than this of its output is not read. */
const MOST_CHARACTERS = 1 << 20;

export function runProgram(name: string, args: readonly string[], limitMs: number): Promise<ProgramResult> {
  return new Promise((resolve) => {
    const child = spawn(name, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, LC_ALL: "C" },
    });
    const text = { stdout: "", stderr: "" };
    const end = (answer: ProgramResult) => {
      clearTimeout(timer);
      child.kill("SIGKILL");
      // What it started itself may hold the pipes open for longer.
      for (const stream of ["stdout", "stderr"] as const) child[stream].destroy();
      child.unref();
      resolve(answer);
    };
    const lastLine = () => (text.stderr || text.stdout).trimEnd().split("\n").at(-1)!;
    const timer = setTimeout(() => end({ kind: "silent", last: lastLine() }), limitMs);
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream].setEncoding("utf8").on("data", (data: string) => {
        text[stream] = (text[stream] + data).slice(0, MOST_CHARACTERS);
      });
    }
    child.on("error", (error: NodeJS.ErrnoException) =>
      end(error.code === "ENOENT" ? { kind: "absent" } : { kind: "failed", why: error.message }),
    );
    child.on("close", (code, signal) => {
      if (code === 0) return end({ kind: "answered", text: text.stdout });
      const said = `${text.stderr}\n${text.stdout}`.trim().replaceAll(/\s*\n\s*/g, "; ");
      const why = `${signal ?? `exit code ${code}`}${said === "" ? "" : `: ${said.slice(0, 300)}`}`;
      end({ kind: "failed", why });
    });
  });
}
