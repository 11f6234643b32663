/** Programs with Slurm's names on the PATH of this process, as a test wants them to behave. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { loadSweep, type Run } from "../../../src/sweep/expand.ts";
import { tiny } from "../../e2e/hnorm.ts";

/** A controller in a folder: `queue` holds what squeue prints, `named` what it prints of a user's jobs. */
const WORKING = {
  sbatch: `
    n=$(($(cat "$F/next" 2>/dev/null || echo 100) + 1)); echo $n > "$F/next"
    last=
    for a; do
      case $a in
        --job-name=*) name=\${a#*=} ;;
        --comment=*) comment=\${a#*=} ;;
        --array=*) last=\${a#--array=0-}; last=\${last%%%*} ;;
      esac
      script=$a
    done
    dir=$(dirname "$script")
    [ -e "$dir/intent.json" ] && [ -d "$dir/logs" ] || { echo "nothing was prepared" >&2; exit 1; }
    if [ -n "$last" ]; then for i in $(seq 0 $last); do echo "$n|$i|PENDING||Resources"; done >> "$F/queue"
    else echo "$n|N/A|PENDING||Dependency" >> "$F/queue"; fi
    echo "$n|$name|$comment" >> "$F/named"
    echo $n`,
  squeue: `case "$*" in *" -u "*) cat "$F/named" 2>/dev/null ;; *) cat "$F/queue" 2>/dev/null ;; esac; exit 0`,
  sacct: `echo "Slurm accounting storage is disabled" >&2`,
  scontrol: `echo "MaxArraySize            = 1001"`,
  scancel: "exit 0",
} as const;

export type FakePrograms = Partial<Record<keyof typeof WORKING | "srun" | "sleep", string>>;

export interface Fake {
  readonly dir: string;
  /** Replaces what a program does: lines of shell, with the folder as $F. */
  set(programs: FakePrograms): void;
  /** The arguments of each call of a program, joined by spaces. */
  calls(program: string): readonly string[];
  read(name: string): string;
  write(name: string, text: string): void;
}

export function fakeSlurm(programs: FakePrograms = {}): Fake {
  const dir = mkdtempSync(join(tmpdir(), "hnorm-fake-")); // a job's watcher may write there after the test has ended
  const bin = join(dir, "bin");
  mkdirSync(bin);
  const fake: Fake = {
    dir,
    set(changed) {
      for (const [name, body] of Object.entries(changed)) {
        const text = `#!/bin/bash\nF='${dir}'\necho "$*" >> "$F/calls.${name}"\n${body}\n`;
        writeFileSync(join(bin, name), text);
        chmodSync(join(bin, name), 0o755);
      }
    },
    calls: (program) => lines(fake.read(`calls.${program}`)),
    read: (name) => (existsSync(join(dir, name)) ? readFileSync(join(dir, name), "utf8") : ""),
    write: (name, text) => writeFileSync(join(dir, name), text),
  };
  fake.set({ ...WORKING, ...programs });
  setForTest("PATH", `${bin}:${process.env.PATH}`);
  return fake;
}

/** An environment variable until the test ends. */
export function setForTest(name: string, value: string): void {
  const before = process.env[name];
  process.env[name] = value;
  onTestFinished(() => {
    if (before === undefined) delete process.env[name];
    else process.env[name] = before;
  });
}

export const lines = (text: string): readonly string[] => text.split("\n").filter((line) => line !== "");

/** A sweep over seeds, and the folder that it would fill. */
export function sweepOf(
  fake: Fake,
  seeds: number,
  changes: Readonly<Record<string, unknown>> = {},
  overrides: readonly string[] = [],
): { readonly dir: string; readonly runs: readonly Run[] } {
  fake.write("quick.yaml", tiny({ engine: "reference", ...changes }));
  const all = Array.from({ length: seeds }, (_, i) => i + 1).join(",");
  const { runs } = loadSweep(join(fake.dir, "quick.yaml"), [`train.seed=${all}`, ...overrides]);
  const dir = join(fake.dir, "runs", "it's quick");
  for (const run of runs) mkdirSync(join(dir, run.name), { recursive: true });
  return { dir, runs };
}
