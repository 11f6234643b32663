/** Asking other programs: what comes back of one that answers, fails, hangs or is not there. */
import { expect, test } from "vitest";
import { runProgram } from "../../../src/lib/program.ts";

const node = (code: string, limitMs = 60_000) => runProgram(process.execPath, ["-e", code], limitMs);

test("what it prints is its answer", async () => {
  expect(await node("console.log('one'); console.error('two')")).toEqual({ kind: "answered", text: "one\n" });
});

test("an error comes with what it said", async () => {
  const answer = await node("console.error('no disk'); process.exit(3)");
  expect(answer).toEqual({ kind: "failed", why: "exit code 3: no disk" });
});

test("one that hangs is ended, and its last words kept", async () => {
  const hung = "console.error('first'); console.error('at kernel 7'); setInterval(() => {}, 1000)";
  expect(await node(hung, 3000)).toEqual({ kind: "silent", last: "at kernel 7" });
  expect(await node("setInterval(() => {}, 1000)", 50)).toEqual({ kind: "silent", last: "" });
});

test("one that is not there is absent", async () => {
  expect(await runProgram("hnorm-no-such-program", [], 1000)).toEqual({ kind: "absent" });
});
