/** Whether a run is tried again, and when: by the cause, by how often, by how far it came. */
import { describe, expect, test } from "vitest";
import { EnvironmentError, UserError } from "../../../src/lib/errors.ts";
import { causeOfEnd, decideRetry } from "../../../src/local/retry.ts";
import type { AttemptRecord } from "../../../src/runs/attempts.ts";
import { type Cause, causeOf } from "../../../src/runs/causes.ts";

const policy = { retries: 3, waitMs: 100 };
/** Attempts that ended so: their cause, where each began and how far it came. */
const history = (...ends: (readonly [cause: Cause, from: number, to: number])[]): readonly AttemptRecord[] =>
  ends.map(([cause, from_step, to_step], i) => ({
    ...{
      attempt: i + 1,
      host: "here",
      pid: 1,
      started: "a",
      ended: "b",
      how: "failed",
      cause,
      from_step,
      to_step,
    },
  }));
const judged = (...ends: Parameters<typeof history>) => decideRetry(history(...ends), policy);

describe("by the cause", () => {
  test("a run that was never tried is tried at once", () => {
    expect(judged()).toEqual({ retry: true, waitMs: 0 });
  });
  test.each(["config", "environment", "bug"] as const)("%s: never", (cause) => {
    expect(judged([cause, 0, 5])).toEqual({ retry: false });
  });
  test.each(["stopped", "vanished"] as const)("%s: always, however often", (cause) => {
    expect(judged(...Array.from({ length: 50 }, () => [cause, 0, 0] as const))).toEqual({
      retry: true,
      waitMs: 0,
    });
  });
  test.each(["disk", "network", "memory", "engine", "crash", "killed"] as const)(
    "%s: some times",
    (cause) => {
      expect(judged([cause, 0, 5])).toEqual({ retry: true, waitMs: 100 });
      expect(judged([cause, 0, 5], [cause, 0, 6], [cause, 0, 7])).toEqual({ retry: true, waitMs: 400 });
      const end = judged([cause, 0, 5], [cause, 0, 6], [cause, 0, 7], [cause, 0, 8]);
      expect(end).toEqual({ retry: false, why: "4 attempts failed after step 0" });
    },
  );
  test("without retries the first failure is the last", () => {
    expect(decideRetry(history(["crash", 0, 5]), { retries: 0, waitMs: 1 })).toEqual({ retry: false });
    expect(decideRetry(history(["stopped", 0, 5]), { retries: 0, waitMs: 1 }).retry).toBe(true);
  });
});

describe("by how far it came", () => {
  test("a checkpoint further on makes good what was before", () => {
    const crashes = Array.from({ length: 20 }, (_, i) => ["crash", 10 * i, 10 * i + 15] as const);
    expect(judged(...crashes)).toEqual({ retry: true, waitMs: 100 });
  });
  test("so does an attempt in between that was merely stopped", () => {
    expect(judged(["crash", 0, 5], ["crash", 0, 6], ["stopped", 0, 3], ["crash", 0, 5])).toMatchObject({
      waitMs: 100,
    });
  });
  test("three that end at the same step, or earlier, are a loop", () => {
    expect(judged(["crash", 50, 57], ["crash", 50, 57])).toMatchObject({ retry: true });
    const loop = judged(["crash", 50, 57], ["crash", 50, 57], ["crash", 50, 57]);
    expect(loop).toEqual({ retry: false, why: "3 consecutive attempts made no progress past step 57" });
  });
  test("waits grow to five minutes and no more", () => {
    const crashes = Array.from({ length: 30 }, (_, i) => ["crash", 0, i] as const);
    expect(decideRetry(history(...crashes), { retries: 100, waitMs: 5000 })).toEqual({
      retry: true,
      waitMs: 300_000,
    });
  });
});

describe("the cause of", () => {
  const errno = (code: string) => Object.assign(new Error("x"), { code });
  test.each([
    ["a mistake in the config", new UserError("x"), "config"],
    ["a missing engine", new EnvironmentError("x"), "environment"],
    ["a full disk", errno("ENOSPC"), "disk"],
    ["a full disk below an error of ours", new EnvironmentError("x", { cause: errno("ENOSPC") }), "disk"],
    ["a connection that broke", errno("ECONNRESET"), "network"],
    ["a GPU that went away", Object.assign(new EnvironmentError("x"), { code: "ENGINE_LOST" }), "engine"],
    ["a forbidden file", errno("EACCES"), "environment"],
    ["anything else", new TypeError("x"), "bug"],
    ["no error at all", "text", "bug"],
  ] as const)("%s", (_, error, cause) => {
    expect(causeOf(error)).toBe(cause);
  });

  const ended = { signal: null, code: null, stderr: "" };
  test.each([
    ["SIGSEGV", { ...ended, signal: "SIGSEGV" }, 0, "crash", "crashed with signal SIGSEGV"],
    ["an exit code", { ...ended, code: 1, stderr: "why\n" }, 0, "crash", "ended with exit code 1: why"],
    ["SIGKILL from somebody", { ...ended, signal: "SIGKILL" }, 0, "killed", "SIGKILL from outside"],
    [
      "SIGKILL while the kernel killed for memory",
      { ...ended, signal: "SIGKILL" },
      1,
      "memory",
      "out of memory",
    ],
    [
      "a heap that is full",
      {
        ...ended,
        signal: "SIGABRT",
        stderr: "FATAL ERROR: Reached heap limit, JavaScript heap out of memory",
      },
      ...[0, "memory", "ran out of memory"],
    ],
  ] as const)("%s", (_, end, oomKills, cause, words) => {
    expect(causeOfEnd(end, oomKills)).toEqual({ cause, message: expect.stringContaining(words) });
  });
});
