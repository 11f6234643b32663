/** One holder at a time, whatever the others do: real processes, killed and put to sleep. */
import { type ChildProcess, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { leaseState, readLease } from "../../../src/runs/lease.ts";
import { acquireLease, LeaseLost } from "../../../src/runs/lease-holder.ts";
import { leaseWatch } from "../../../src/runs/lease-watch.ts";
import { runFiles } from "../../../src/runs/paths.ts";
import { liveness, thisProcess } from "../../../src/runs/process-identity.ts";

const root = mkdtempSync(join(tmpdir(), "hnorm-lease-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let dir = "";
let count = 0;
beforeEach(() => {
  dir = join(root, `run-${count++}`);
});
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

const [LEASE, HOLDER] = ["lease", "lease-holder"].map(
  (name) => new URL(`../../../dist/runs/${name}.js`, import.meta.url).href,
);

/** Runs these lines in a process of its own; `next()` waits for a line that it says, undefined at its end. */
function other(lines: string) {
  const code = `import { existsSync, writeFileSync, appendFileSync } from "node:fs";
    import { setTimeout as sleep } from "node:timers/promises";
    import { acquireLease } from ${JSON.stringify(HOLDER)};
    import { readLease } from ${JSON.stringify(LEASE)};
    const say = (text) => process.stdout.write(text + "\\n");
    ${lines}`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", code], {
    env: { ...process.env, HNORM_LEASE_SECONDS: "1" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const said = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  return { child, next: async () => (await said.next()).value as string | undefined };
}
const forEver = "await sleep(1e8);";
const dead = (child: ChildProcess) => new Promise((resolve) => child.on("exit", resolve));

describe("taking a lease", () => {
  test("it is held until it is given back; each claim has the next number", async () => {
    const first = (await acquireLease(dir, { slot: "GPU-1", slurm: { job: "7", task: "3" } }))!;
    expect(first.attempt).toBe(1);
    const { pid } = process;
    expect(readLease(dir)).toMatchObject({
      attempt: 1,
      pid,
      slot: "GPU-1",
      slurm: { job: "7", task: "3" },
      held: true,
    });
    expect(leaseState(readLease(dir))).toBe("alive");
    expect(await acquireLease(dir)).toBeUndefined();

    first.release();
    expect(leaseState(readLease(dir))).toBe("free");
    const second = (await acquireLease(dir))!;
    expect(second.attempt).toBe(2);
    second.release();
    expect(readdirSync(runFiles(dir).lease)).toEqual(["000001", "000002"]);
  });

  test("a run nobody has claimed is free, and its first number follows what was there before", async () => {
    expect(readLease(dir)).toBeUndefined();
    expect(leaseState(undefined)).toBe("free");
    const lease = (await acquireLease(dir, { past: 3 }))!;
    expect(lease.attempt).toBe(4);
    lease.release();
  });

  test("of many processes that want many runs at the same moment, each run goes to one", async () => {
    const [processes, runs] = [6, 30];
    const gate = join(root, "gate");
    const racers = Array.from({ length: processes }, () =>
      other(`say("ready");
        while (!existsSync(${JSON.stringify(gate)})) await sleep(1);
        const won = [];
        for (let i = 0; i < ${runs}; i++) if (await acquireLease(${JSON.stringify(`${dir}-`)} + i)) won.push(i);
        say(JSON.stringify(won));
        ${forEver}`),
    );
    for (const { next } of racers) expect(await next()).toBe("ready");
    writeFileSync(gate, "");
    const won = await Promise.all(racers.map(async ({ next }) => JSON.parse((await next())!) as number[]));
    expect(won.flat().toSorted((a, b) => a - b)).toEqual(Array.from({ length: runs }, (_, i) => i));
    for (let i = 0; i < runs; i++) expect(readdirSync(runFiles(`${dir}-${i}`).lease)).toEqual(["000001"]);
  }, 60_000);

  test("of many that find a holder dead at the same moment, one takes over", async () => {
    const { child, next } = other(`await acquireLease(${JSON.stringify(dir)}); say("held"); ${forEver}`);
    await next();
    child.kill("SIGKILL");
    await dead(child);
    expect(leaseState(readLease(dir))).toBe("dead");
    const takers = await Promise.all(Array.from({ length: 20 }, () => acquireLease(dir)));
    const [winner, ...more] = takers.filter((lease) => lease !== undefined);
    expect(more).toEqual([]);
    expect(winner?.attempt).toBe(2);
    winner?.release();
  });
});

describe("a holder that slept", () => {
  test("finds out when it wakes, and none of its writes has any effect, wherever it fell asleep", async () => {
    const gate = join(root, "wake");
    const zombie = other(`const lease = await acquireLease(${JSON.stringify(dir)});
      lease.lost.addEventListener("abort", () => say("knows"));
      let staged;
      const late = lease.write(${JSON.stringify(join(dir, "ckpt"))}, async (path) => {
        writeFileSync(path, "of the zombie");
        say("asleep");
        while (!existsSync(${JSON.stringify(gate)})) await sleep(1); // it is stopped here, between making a file and putting it in its place
      }).catch((error) => say(error.name));
      await late;
      await lease.writeFile(${JSON.stringify(join(dir, "status.json"))}, "of the zombie").catch((error) => say(error.name));
      try { lease.moveAside(["status.json"], "attempt-0"); } catch (error) { say(error.name); }
      lease.release();
      say("released");
      ${forEver}`);
    expect(await zombie.next()).toBe("asleep");
    zombie.child.kill("SIGSTOP");

    process.env.HNORM_LEASE_SECONDS = "1";
    const watch = leaseWatch();
    const sleeper = readLease(dir)!;
    await expect.poll(() => watch.silent(dir, readLease(dir)!), { timeout: 60_000, interval: 50 }).toBe(true);
    delete process.env.HNORM_LEASE_SECONDS;
    expect(leaseState(sleeper)).toBe("alive"); // it is there, but says nothing
    expect(await acquireLease(dir)).toBeUndefined();
    const lease = (await acquireLease(dir, { silent: sleeper.nonce }))!;
    expect(lease.attempt).toBe(2);
    await lease.writeFile(join(dir, "status.json"), "ours");

    writeFileSync(gate, "");
    zombie.child.kill("SIGCONT");
    const said = [];
    for (let line = await zombie.next(); line !== "released"; line = await zombie.next()) said.push(line);
    expect(said.filter((line) => line === "LeaseLost")).toHaveLength(3);
    expect(said).toContain("knows");
    expect(existsSync(join(dir, "ckpt"))).toBe(false);
    expect(readFileSync(join(dir, "status.json"), "utf8")).toBe("ours");
    expect(readLease(dir)).toMatchObject({ attempt: 2, held: true });
    lease.release();
  });

  test("a holder whose thread is blocked does not fall silent", async () => {
    const gate = join(root, "unblock");
    const { next } = other(`await acquireLease(${JSON.stringify(dir)});
      while (readLease(${JSON.stringify(dir)}).beat === "") await sleep(5);
      setImmediate(() => say("hears events again"));
      say("blocked");
      while (!existsSync(${JSON.stringify(gate)})); // no event is heard meanwhile
      say("unblocked");`);
    expect(await next()).toBe("blocked");
    const before = readLease(dir)!.beat;
    await expect.poll(() => readLease(dir)!.beat, { timeout: 60_000 }).not.toBe(before);
    writeFileSync(gate, "");
    expect([await next(), await next()]).toEqual(["unblocked", "hears events again"]);
  });
});

describe("what a holder does", () => {
  test("a write is whole or absent, and a failed one leaves nothing behind", async () => {
    const lease = (await acquireLease(dir))!;
    await lease.writeFile(join(dir, "a"), "whole");
    await expect(
      lease.write(join(dir, "b"), async (path) => {
        writeFileSync(path, "half");
        throw new Error("the disk is full");
      }),
    ).rejects.toThrow("the disk is full");
    expect(readdirSync(dir).toSorted()).toEqual(["a", "lease"]);
    expect(readdirSync(join(runFiles(dir).lease, "000001", "held"))).toEqual(["beat"]);
    lease.release();
    await expect(lease.writeFile(join(dir, "a"), "late")).rejects.toThrow(LeaseLost);
    expect(readFileSync(join(dir, "a"), "utf8")).toBe("whole");
  });

  test("what a holder was moving aside when it died is moved all the way by the next", async () => {
    const { child, next } = other(`await acquireLease(${JSON.stringify(dir)}); say("held"); ${forEver}`);
    await next();
    child.kill("SIGKILL");
    await dead(child);
    const half = join(runFiles(dir).lease, "000001", "held", "attempt-0");
    mkdirSync(half);
    writeFileSync(join(half, "metrics.csv"), "rows");
    (await acquireLease(dir))!.release();
    expect(readFileSync(join(dir, "attempt-0", "metrics.csv"), "utf8")).toBe("rows");
  });
});

describe("who is alive", () => {
  const self = thisProcess();
  test.each([
    ["this process", {}, "alive"],
    ["another that was given the same pid", { started: "1" }, "dead"],
    ["one without /proc", { started: null }, "alive"],
    ["a pid that nobody has", { pid: 2 ** 30, started: null }, "dead"],
    ["one on another machine", { host: "elsewhere" }, "unknown"],
    ["one in another container", { pid_namespace: "pid:[1]" }, "unknown"],
    ["one on a machine of the same name", { boot: "x", machine: "y" }, "unknown"],
  ] as const)("%s is %s", (_, changes, expected) => {
    expect(liveness({ ...self, ...changes })).toBe(expected);
  });
  test.skipIf(self.machine === null)("one of before the reboot is dead", () => {
    expect(liveness({ ...self, boot: "before" })).toBe("dead");
  });
});

test("silence is counted by the watcher's own clock, and not while the watcher itself sleeps", async () => {
  const lease = (await acquireLease(dir))!;
  let now = 0;
  const watch = leaseWatch(() => now);
  const view = { ...readLease(dir)!, beat: "1" };
  const look = (seconds: number, beat = "1") => {
    now += seconds * 1000;
    return watch.silent(dir, { ...view, beat });
  };
  expect(look(0)).toBe(false);
  expect(look(3600)).toBe(false); // the watcher slept an hour: that counts for ten seconds
  for (let i = 0; i < 5; i++) expect(look(10)).toBe(false);
  expect(look(1)).toBe(true);
  expect(look(1, "2")).toBe(false);
  expect(look(10, "2")).toBe(false);
  lease.release();
});
