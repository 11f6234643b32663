/** On a folder that others can write to, no process is signalled that is not hnorm's own training that very run. */
import { type ChildProcess, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { trainsRun, workerOf } from "../../../src/local/own-process.ts";
import { stopLocal } from "../../../src/local/stop-local.ts";
import { claimFiles } from "../../../src/runs/lease.ts";
import { runFiles } from "../../../src/runs/paths.ts";
import { thisProcess } from "../../../src/runs/process-identity.ts";

let root = "";
const children: ChildProcess[] = [];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "hnorm-own-"));
  for (const name of ["a", "b"]) mkdirSync(join(root, name));
  // Waits under hnorm's name, and says that it does.
  const waits =
    'require("fs").writeFileSync(process.argv[1] + "." + process.pid, ""); setInterval(() => {}, 1000);';
  writeFileSync(join(root, "hnorm.js"), waits);
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  rmSync(root, { recursive: true });
});

/** A process that has begun. */
async function started(command: string, args: readonly string[]): Promise<ChildProcess & { pid: number }> {
  const child = spawn(command, args, { cwd: root, stdio: "ignore" }) as ChildProcess & { pid: number };
  children.push(child);
  const begun = () => args[0] !== join(root, "hnorm.js") || existsSync(`${args[0]}.${child.pid}`);
  await expect.poll(() => begun() && readFileSync(`/proc/${child.pid}/cmdline`, "utf8") !== "").toBe(true);
  return child;
}
const hnorm = (...args: readonly string[]) => started(process.execPath, [join(root, "hnorm.js"), ...args]);

/** Everything that anyone can learn of a process, written where it would stand if it held the run. */
function claim(dir: string, pid: number): void {
  const files = claimFiles(runFiles(dir).lease, 1);
  mkdirSync(files.held, { recursive: true });
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const begun = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  const owner = { ...thisProcess(), pid, started: begun, attempt: 1, nonce: "n", since: "" };
  writeFileSync(files.owner, JSON.stringify(owner));
  writeFileSync(files.beat, "");
}
const dirOf = (name: string) => join(root, name);
const linux = existsSync("/proc/self/cmdline");

test.skipIf(!linux)("a process is known by its command line, its folder under any name", async () => {
  const { pid } = await hnorm("run-one", dirOf("a"));
  symlinkSync(dirOf("a"), dirOf("same"));
  expect([dirOf("a"), dirOf("same"), dirOf("b"), dirOf("none")].map((dir) => trainsRun(pid, dir))).toEqual([
    ...[true, true, false, false],
  ]);
  expect(trainsRun((await started("sleep", ["1000"])).pid, dirOf("a"))).toBe(false);
  expect(trainsRun((await hnorm("sweep", dirOf("a"))).pid, dirOf("a"))).toBe(false);
  expect(workerOf(pid)).toBeUndefined(); // this is no worker
});

test.skipIf(!linux).each([
  ["another program", () => started("sleep", ["1000"])],
  [
    "another program with words like ours",
    () => started("tail", ["-f", "/dev/null", dirOf("hnorm.js"), "run-one"]),
  ],
  ["hnorm training another run", () => hnorm("run-one", dirOf("b"))],
  ["hnorm's own worker of another sweep", () => hnorm("worker", "--sweep", dirOf("b"))],
])("a lease that names %s has nobody signalled, and the name is given", async (_, victim) => {
  const child = await victim();
  claim(dirOf("a"), child.pid);
  const { signalled, foreign } = await stopLocal(["a"], dirOf);
  expect([[...signalled], [...foreign]]).toEqual([[], [["a", child.pid]]]);
  expect([child.exitCode, child.signalCode]).toEqual([null, null]);
  expect(() => process.kill(child.pid, 0)).not.toThrow();
});

test.skipIf(!linux)(
  "hnorm training the run is signalled",
  async () => {
    const child = await hnorm("run-one", dirOf("a"));
    const ended = new Promise((resolve) => child.on("exit", (__, signal) => resolve(signal)));
    claim(dirOf("a"), child.pid);
    const { signalled, foreign } = await stopLocal(["a"], dirOf);
    expect([[...signalled], foreign.size]).toEqual([[[child.pid, ["a"]]], 0]);
    expect(await ended).toBe("SIGTERM");
  },
  30_000,
);
