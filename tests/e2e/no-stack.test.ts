/** What a user's mistake, or a folder's damage, leads to: one line that says what, never a stack. */
import { chmodSync, cpSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { BIN, file, finish, folder, hnorm, start, tiny } from "./hnorm.ts";

const STACK = /\n {4}at |TypeError|RangeError|unexpected:/;

test("a damaged sweep.json: exit 2 from every command that reads it", async () => {
  const dir = folder();
  const sweep = join(dir, "runs", "s");
  mkdirSync(sweep, { recursive: true });
  const damages = ["null", '{"runs": [{"name": "../../x", "id": "a", "factors": {}, "config": {}}]}', "{"];
  const commands = [
    ...["results", "report", "status", "cancel"].map((name) => [name, "runs/s"]),
    ["worker", "--sweep", "runs/s"],
    ["verify", "--files", "runs/s"],
  ];
  for (const [i, command] of commands.entries()) {
    writeFileSync(join(sweep, "sweep.json"), damages[i % damages.length]!);
    const { code, stdout, stderr } = await hnorm(dir, ...command);
    expect(stdout + stderr, command.join(" ")).not.toMatch(STACK);
    expect([code, stderr], command.join(" ")).toEqual([2, expect.stringContaining("sweep.json: ")]);
  }
}, 60_000);

test("a TMPDIR that is not there: exit 69", async () => {
  const dir = folder();
  const config = file(dir, "t.yaml", tiny());
  const child = start(dir, ["selftest", "resume", config], { TMPDIR: join(dir, "nowhere") });
  const { code, stderr } = await finish(child);
  expect([code, stderr]).toEqual([
    69,
    expect.stringMatching(/cannot write to \S+nowhere \(ENOENT\); set TMPDIR/),
  ]);
});

test("a current folder that is gone: exit 69", async () => {
  const dir = folder();
  const gone = join(dir, "gone");
  mkdirSync(gone);
  const child = start(gone, ["results", "runs/s"]);
  rmSync(gone, { recursive: true });
  const { code, stderr } = await finish(child);
  expect(stderr).not.toMatch(STACK);
  expect([2, 69]).toContain(code);
});

test.skipIf(process.getuid?.() === 0)("a stale dist/ in a checkout that is read-only: exit 69", async () => {
  const dir = join(folder(), "checkout");
  for (const name of ["bin", "scripts", "src"]) mkdirSync(join(dir, name), { recursive: true });
  const root = join(BIN, "../..");
  for (const name of ["bin/hnorm.js", "scripts/build.js", "package.json"])
    cpSync(join(root, name), join(dir, name));
  symlinkSync(join(root, "node_modules"), join(dir, "node_modules"));
  writeFileSync(join(dir, "src", "a.ts"), "");
  chmodSync(dir, 0o555);
  const { code, stderr } = await finish(start(dir, ["--version"], {}, join(dir, "bin/hnorm.js")));
  chmodSync(dir, 0o755);
  expect([code, stderr]).toEqual([69, expect.stringContaining("cannot be written to")]);
  expect(readdirSync(dir)).not.toContain("dist");
});
