/** Nothing leaves the machine, and nothing stays on it outside of the folders that were named. */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { BIN, file, finish, folder, tiny } from "./hnorm.ts";

/** What turns a library's telemetry off by itself: a user has none of it. */
const QUIET = [
  "CI",
  "ORT_DISABLE_TELEMETRY",
  "ORT_TELEMETRY_DISABLED",
  "ORT_RUNNING_UNIT_TESTS",
  "DO_NOT_TRACK",
];

/** Runs a whole sweep of two runs, two at a time, with a home of its own. */
async function sweep(...before: readonly string[]) {
  const dir = folder();
  for (const name of ["home", "tmp"]) mkdirSync(join(dir, name));
  file(dir, "t.yaml", tiny({ sweep: { seeds: 2 } }));
  const env: NodeJS.ProcessEnv = { ...process.env, HNORM_CACHE_DIR: join(dir, "cache") };
  for (const name of [...QUIET, "XDG_CACHE_HOME"]) delete env[name];
  for (const name of ["TMPDIR", "TEMP", "TMP"]) env[name] = join(dir, "tmp");
  for (const name of ["HOME", "USERPROFILE"]) env[name] = join(dir, "home");
  const words = [...before, process.execPath, BIN, "sweep", "t.yaml", "--jobs", "2"];
  const { code, stderr } = await finish(spawn(words[0]!, words.slice(1), { cwd: dir, env }));
  expect(code, stderr).toBe(0);
  return dir;
}

test("a sweep leaves nothing in the home folder and in the temporary one", async () => {
  const dir = await sweep();
  expect(readdirSync(join(dir, "runs/t")).length).toBeGreaterThan(2);
  expect(readdirSync(join(dir, "home"))).toEqual([]);
  expect(readdirSync(join(dir, "tmp"))).toEqual([]);
});

const strace = spawnSync("strace", ["-f", "-e", "trace=socket", "true"]).status === 0;
test.skipIf(!strace)("a sweep on data of its own opens no socket", async () => {
  const dir = await sweep("strace", "-f", "-qq", "-e", "trace=socket,connect", "-o", "calls.txt");
  const calls = readFileSync(join(dir, "calls.txt"), "utf8").split("\n");
  expect(calls.filter((call) => /AF_INET|AF_NETLINK|connect\(/.test(call))).toEqual([]);
});
