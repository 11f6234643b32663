/** A process of its own: what it reports, and every way in which it may end. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runSeparately, STOP } from "../../../src/lib/run-separately.ts";

function programOf(code: string): string {
  const program = join(mkdtempSync(join(tmpdir(), "hnorm-separate-")), "child.mjs");
  writeFileSync(program, code);
  return program;
}
const runOf = (code: string, timeoutMs = 60_000, ...args: readonly string[]) => ({
  program: programOf(code),
  args,
  timeoutMs,
});
const FOREVER = "setInterval(() => {}, 1000);";

test("its messages arrive, numbers that are infinite too, and its exit code", async () => {
  const heard: unknown[] = [];
  const run = runOf(
    "process.send({ off: Infinity, arg: process.argv[2] }); process.exitCode = 4;",
    60_000,
    "x",
  );
  const end = await runSeparately({ ...run, onMessage: (message) => void heard.push(message) });
  expect(heard).toEqual([{ off: Infinity, arg: "x" }]);
  expect(end).toEqual({ why: "it ended by exit code 4", killedByOthers: false });
});

test("what it wrote last is told, on one line", async () => {
  const { why } = await runSeparately(runOf("console.error('no disk\\n  at all'); process.exit(3)"));
  expect(why).toBe("it ended by exit code 3: no disk; at all");
});

test("one that is silent for too long is killed", async () => {
  const silent = await runSeparately(runOf(`console.error('at kernel 7'); ${FOREVER}`, 3000));
  expect(silent).toEqual({
    why: "it did not end within 3 s; its last output: at kernel 7",
    killedByOthers: false,
  });
});

test("a message gives it another timeout, or is the last that is wanted", async () => {
  const chatty = `process.send("a"); setTimeout(() => process.send("b"), 100); ${FOREVER}`;
  const { why: late } = await runSeparately({
    ...runOf(chatty),
    onMessage: (message) => (message === "b" ? 50 : undefined),
  });
  expect(late).toBe("it did not end within 0.05 s");
  const { why: enough } = await runSeparately({ ...runOf(chatty), onMessage: () => STOP });
  expect(enough).toBe("it has reported everything");
});

test("a SIGKILL from elsewhere is told apart from a crash", async () => {
  const killed = (signal: string) =>
    runSeparately(runOf(`process.kill(process.pid, "${signal}"); ${FOREVER}`));
  expect(await killed("SIGKILL")).toEqual({ why: "it ended by SIGKILL", killedByOthers: true });
  expect(await killed("SIGTERM")).toEqual({ why: "it ended by SIGTERM", killedByOthers: false });
});
