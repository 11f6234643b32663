/** Runs `npm pack` as a child process. The one place that knows how npm is found and what it says when it fails. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

export interface PackOutcome {
  /** What was run, for the message. */
  readonly command: string;
  /** Absent when npm ended well. */
  readonly failure?: string;
}

/** Puts the registry's tarball of `spec` into `folder`. `spec` must be a plain NAME@VERSION: it may meet a shell. */
export async function npmPack(spec: string, folder: string, env: NodeJS.ProcessEnv): Promise<PackOutcome> {
  // The flags win over what an enclosing npx or npm leaves in the environment. Retries wait seconds, not a minute.
  const options = ["--ignore-scripts", "--no-dry-run", "--loglevel=error"];
  const patience = ["--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"];
  const npm = findNpm(env);
  const destination = npm.shell ? `"${folder}"` : folder;
  const args = ["pack", spec, "--pack-destination", destination, ...options, ...patience];
  const command = `npm pack ${spec}`;
  return new Promise((resolve) => {
    const child = spawn(npm.file, [...npm.args, ...args], {
      env,
      shell: npm.shell,
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-8192);
    });
    child.on("error", (error: NodeJS.ErrnoException) => {
      resolve({
        command,
        failure: error.code === "ENOENT" ? "there is no `npm` on PATH (it comes with Node)" : error.message,
      });
    });
    child.on("close", (code) => {
      resolve(
        code === 0
          ? { command }
          : { command, failure: complaint(said) ?? `npm ended with exit code ${code}` },
      );
    });
  });
}

/**
 * Under `npx` and `npm run` the running npm names its own script, which node can start directly; else it is
 * `npm` on PATH. On Windows that is a .cmd file, which only a shell may start.
 */
function findNpm(env: NodeJS.ProcessEnv): { file: string; args: readonly string[]; shell: boolean } {
  const script = env.npm_execpath === undefined ? "" : join(dirname(env.npm_execpath), "npm-cli.js");
  if (script !== "" && existsSync(script)) return { file: process.execPath, args: [script], shell: false };
  return { file: "npm", args: [], shell: process.platform === "win32" };
}

/** The lines npm marks as errors, without its pointer to a log file; the first few say it all. */
function complaint(said: string): string | undefined {
  const lines = said
    .split(/\r?\n/)
    .filter((line) => /^npm (error|ERR!)/.test(line) && !line.includes("complete log"))
    .map((line) => line.replace(/^npm (error|ERR!)\s*/, "").trim())
    .filter((line) => line !== "");
  return lines.length === 0 ? undefined : lines.slice(0, 4).join("; ");
}
