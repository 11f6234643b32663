/** One at a time, and what becomes of the locks of the dead. */
import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { withLock } from "../../../src/lib/with-lock.ts";

function lockPath(): string {
  const dir = mkdtempSync(join(tmpdir(), "hnorm-lock-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return join(dir, "lock");
}

test("many who want the same work one after another, also after one that failed", async () => {
  const lock = lockPath();
  let inside = 0;
  const waited: number[] = [];
  const work = (i: number) =>
    withLock(
      lock,
      async () => {
        expect(++inside).toBe(1);
        await sleep(10);
        inside--;
        if (i === 0) throw new Error("no");
        return i;
      },
      () => void waited.push(i),
    );
  const results = await Promise.allSettled([0, 1, 2].map(work));
  expect(results.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "fulfilled"]);
  expect(waited.length).toBe(2);
  expect(existsSync(lock)).toBe(false);
});

test("a lock of another machine is taken over once nobody has touched it for long", async () => {
  const lock = lockPath();
  writeFileSync(lock, "elsewhere 1 x");
  let told = false;
  const waiting = withLock(
    lock,
    async () => "mine",
    () => {
      told = true;
    },
  );
  await sleep(400);
  expect(told).toBe(true);
  expect(existsSync(lock)).toBe(true); // still respected
  const longAgo = new Date(Date.now() - 60_000);
  utimesSync(lock, longAgo, longAgo);
  expect(await waiting).toBe("mine");
});
