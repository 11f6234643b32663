/** `hnorm doctor`: what it says of engines and machine, for people and for programs. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { engineNames } from "../../src/backends/registry.ts";
import { file, finish, folder, hnorm, start } from "./hnorm.ts";

test("one line for each engine and each fact of the machine", async () => {
  const dir = folder();
  const { code, stdout, stderr } = await hnorm(dir, "doctor");
  expect(code).toBe(0);
  expect(stderr).toBe("");
  for (const name of engineNames) expect(stdout).toMatch(new RegExp(`^engine ${name} +(ok|no)  \\S`, "m"));
  expect(stdout).toMatch(/^engine reference +ok /m);
  expect(stdout.match(/`engine: auto` takes it/g)).toHaveLength(1);
  expect(stdout).toContain(`${process.versions.node} on ${process.platform}`);
  for (const what of ["cpus", "memory", "runs folder", "cache folder"])
    expect(stdout).toMatch(new RegExp(`^${what} +ok  \\S`, "m"));
  expect(stdout).toContain(join(dir, "runs"));
  expect(stdout).toContain(join(dir, "cache"));
});

test("the same as JSON, and nothing but JSON", async () => {
  const { code, stdout, stderr } = await hnorm(folder(), "doctor", "--json");
  expect(code).toBe(0);
  expect(stderr).toBe("");
  const { ok, auto, engines, machine } = JSON.parse(stdout);
  expect(ok).toBe(true);
  expect(Object.keys(engines).sort()).toEqual([...engineNames].sort());
  expect(engines[auto].ok).toBe(true);
  expect(auto, "only asked for by name").not.toBe("tensorflow");
  for (const { ok, detail, why, fix } of Object.values<Record<string, unknown>>(engines)) {
    if (ok) expect(detail).toBeTypeOf("string");
    else expect([typeof why, typeof fix]).toEqual(["string", "string"]);
  }
  expect(machine.cpus.usable).toBeGreaterThan(0);
  expect(machine.memory.total_bytes).toBeGreaterThan(machine.memory.free_bytes);
  expect(machine.runs_folder.free_bytes).toBeGreaterThan(0);
});

test("a folder that cannot be made is named with the way out, and engines still work", async () => {
  const dir = folder();
  file(dir, "taken", "a file where the folder should be");
  const { code, stdout } = await finish(start(dir, ["doctor"], { HNORM_RUNS_DIR: join(dir, "taken") }));
  expect(code).toBe(0);
  expect(stdout).toMatch(/^runs folder +no .*taken/m);
  expect(stdout).toContain("choose another with HNORM_RUNS_DIR");
});
