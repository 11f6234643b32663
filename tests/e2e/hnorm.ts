/** Runs the real bin/hnorm.js in a folder of its own, as a user would. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

/** The command. */
export const BIN = fileURLToPath(new URL("../../bin/hnorm.js", import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** An empty folder that goes when the test ends. */
export function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), "hnorm-e2e-"));
  onTestFinished(() => {
    try {
      rmSync(dir, { recursive: true, force: true });
    } catch {
      // A process that was killed with the test is still writing; what is left goes with all tests' folder.
    }
  });
  return dir;
}

export function start(
  cwd: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  bin = BIN,
): ChildProcess {
  const clean = { ...process.env, HNORM_CACHE_DIR: join(cwd, "cache"), ...env };
  return spawn(process.execPath, [bin, ...args], { cwd, env: clean, stdio: ["ignore", "pipe", "pipe"] });
}

export function finish(child: ChildProcess): Promise<Finished> {
  let [stdout, stderr] = ["", ""];
  child.stdout?.on("data", (data) => {
    stdout += data;
  });
  child.stderr?.on("data", (data) => {
    stderr += data;
  });
  return new Promise((resolve) => {
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

/** Runs `hnorm ARGS` in `cwd` to its end. */
export const hnorm = (cwd: string, ...args: readonly string[]): Promise<Finished> => finish(start(cwd, args));

/** Writes a file into the folder and returns its name. */
export function file(dir: string, name: string, text: string | Uint8Array): string {
  writeFileSync(join(dir, name), text);
  return name;
}

/** A sweep that trains for seconds, with these lines changed or added. */
export const tiny = (changes: Readonly<Record<string, unknown>> = {}): string =>
  JSON.stringify({
    engine: "cpu",
    norm: "pre",
    model: { d_model: 16, n_layers: 2, n_heads: 2, ffn_dim: 24, vocab_size: 8, seq_len: 16 },
    data: { source: { name: "markov", symbols: 8, validation_sequences: 8 } },
    train: {
      steps: 12,
      batch_size: 4,
      micro_batch_size: 2,
      lr: 0.01,
      schedule: { name: "cosine", warmup_steps: 2 },
    },
    eval: { every: 6, tokens: 128 },
    log: { grad_norms_every: 5 },
    ...changes,
  });
