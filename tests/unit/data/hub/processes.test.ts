/** Downloads by real processes: killed in the middle, and two at once. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { stream } from "../../../../src/lib/prng.ts";
import { COMMIT, type FakeHub, fakeHub, send, sha256 } from "./server.ts";

const CHILD = fileURLToPath(new URL("child.ts", import.meta.url));
const random = stream(2, "noise");
const FILE = Uint8Array.from({ length: 1_000_000 }, () => random.below(256));
const REFERENCE = `hf://datasets/owner/name@${COMMIT}/x.json.gz`;

async function setUp() {
  const hub = await fakeHub({ "x.json.gz": FILE });
  const dir = mkdtempSync(join(tmpdir(), "hnorm-hub-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const blobs = join(dir, "hf", "hub", "datasets--owner--name", "blobs");
  return { hub, dir, blobs, part: join(blobs, `${sha256(FILE)}.hnorm.incomplete`) };
}

function start(hub: FakeHub, dir: string): ChildProcess {
  const env = { ...process.env, HF_ENDPOINT: hub.endpoint, HF_HOME: join(dir, "hf") };
  const args = ["--import", "tsx", CHILD, join(dir, "cache"), REFERENCE];
  return spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] });
}

async function printed(child: ChildProcess): Promise<string> {
  let text = "";
  child.stdout!.on("data", (data) => {
    text += data;
  });
  await new Promise((resolve) => child.on("close", resolve));
  return text;
}

/** Sends half of the file and then nothing. */
const half: NonNullable<FakeHub["onCdn"]> = (_, response, n) => {
  if (n > 0) return false;
  response.writeHead(200, { etag: `"cdn-${sha256(FILE).slice(0, 8)}"`, "content-length": FILE.length });
  return response.write(FILE.subarray(0, FILE.length / 2)) || true;
};

test("killed in the middle, a download goes on where it was", async () => {
  const { hub, dir, blobs, part } = await setUp();
  hub.onCdn = half;
  const first = start(hub, dir);
  const ended = printed(first);
  while (!existsSync(part) || statSync(part).size < FILE.length / 2) await sleep(20);
  first.kill("SIGKILL");
  await ended;
  const lock = join(blobs, `${sha256(FILE)}.hnorm.lock`);
  expect(existsSync(lock)).toBe(true); // the dead hold it still

  const path = await printed(start(hub, dir));
  expect(readFileSync(path).equals(FILE)).toBe(true);
  expect(hub.ranges()).toEqual([undefined, "bytes=500000-"]);
  expect(hub.seen.at(-1)!.ifRange).toMatch(/^"cdn-/);
  expect(readdirSync(blobs)).toEqual([sha256(FILE)]);
});

test("two processes fetch it once", async () => {
  const { hub, dir } = await setUp();
  hub.onCdn = (request, response) => {
    setTimeout(() => send(FILE, request, response), 1500);
    return true;
  };
  const paths = await Promise.all([printed(start(hub, dir)), printed(start(hub, dir))]);
  expect(paths[0]).toBe(paths[1]);
  expect(readFileSync(paths[0]!).equals(FILE)).toBe(true);
  expect(hub.ranges()).toEqual([undefined]);
});
