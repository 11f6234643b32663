/** Downloads from a hub that misbehaves in every way a real one has. */

import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, onTestFinished, test } from "vitest";
import { openHubFiles } from "../../../../src/data/hub/hub-files.ts";
import type { RequestPolicy } from "../../../../src/data/hub/request.ts";
import { stream } from "../../../../src/lib/prng.ts";
import { COMMIT, cut, type FakeHub, fakeHub, refuse, send, sha256 } from "./server.ts";

const PATH = "en/part.00000.json.gz";
const REFERENCE = `hf://datasets/owner/name@${COMMIT}/${PATH}`;
const QUICK: RequestPolicy = { attempts: 4, firstWaitMs: 1, stallMs: 5000, minBytesPerSecond: 0 };

function noise(length: number): Uint8Array {
  const random = stream(1, "noise");
  return Uint8Array.from({ length }, () => random.below(256));
}
const FILE = noise(300_000);

function scratch(): string {
  const dir = mkdtempSync(join(tmpdir(), "hnorm-hub-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

interface Place {
  readonly dir: string;
  readonly said: string[];
  readonly env: Record<string, string>;
  local(reference?: string, documents?: number): Promise<string>;
  readonly blobs: string;
  readonly blob: string;
}

function place(hub: FakeHub, more: Readonly<Record<string, string>> = {}, patience = QUICK): Place {
  const dir = scratch();
  const said: string[] = [];
  const env = { HF_ENDPOINT: hub.endpoint, HF_HOME: join(dir, "hf"), ...more };
  const blobs = join(dir, "hf", "hub", "datasets--owner--name", "blobs");
  const onProgress = (message: string) => void said.push(message);
  return {
    dir,
    said,
    env,
    blobs,
    blob: join(blobs, sha256(FILE)),
    async local(reference = REFERENCE, documents) {
      const ctx = { baseDir: dir, cacheDir: join(dir, "cache"), env, onProgress };
      const [file] = await openHubFiles("data.source.train", reference, ctx, patience);
      return file!.local(documents);
    },
  };
}

describe("a whole file", () => {
  test("lies in the cache as Python lays it out, and is not fetched again", async () => {
    const hub = await fakeHub({ [PATH]: FILE });
    const at = place(hub);
    const path = await at.local();
    expect(readFileSync(path).equals(FILE)).toBe(true);
    expect(path).toBe(join(dirname(at.blobs), "snapshots", COMMIT, PATH));
    expect(readlinkSync(path)).toBe(join("..", "..", "..", "blobs", sha256(FILE)));
    expect(readdirSync(at.blobs)).toEqual([sha256(FILE)]); // no lock, no partial file
    expect(existsSync(join(dirname(at.blobs), "refs"))).toBe(false);
    const asked = hub.seen.length;
    expect(await at.local()).toBe(path);
    expect(hub.seen).toHaveLength(asked);
    expect(at.said.at(-1)).toMatch(/^downloading part\.00000\.json\.gz: 293 KiB of 293 KiB/);
  });

  test("of a branch: notes which commit it was, so that it is found offline", async () => {
    const hub = await fakeHub({ [PATH]: FILE });
    const at = place(hub);
    const path = await at.local(`hf://datasets/owner/name/${PATH}`);
    expect(readFileSync(join(dirname(at.blobs), "refs", "main"), "utf8")).toBe(COMMIT);
    expect(path).toContain(COMMIT);
    const offline = place(hub, { HF_HUB_OFFLINE: "1", HF_HOME: at.env.HF_HOME! });
    expect(await offline.local(`hf://datasets/owner/name/${PATH}`)).toBe(path);
  });

  test("that Python has fetched is used as it is", async () => {
    const hub = await fakeHub({});
    const at = place(hub, { HF_HUB_OFFLINE: "true" });
    const link = join(dirname(at.blobs), "snapshots", COMMIT, PATH);
    for (const folder of [at.blobs, dirname(link)]) mkdirSync(folder, { recursive: true });
    writeFileSync(at.blob, FILE);
    writeFileSync(link, FILE); // a copy, as where there are no links
    expect(lstatSync(await at.local()).isFile()).toBe(true);
    expect(hub.seen).toEqual([]);
  });

  test("is not looked for elsewhere with HF_HUB_OFFLINE", async () => {
    const hub = await fakeHub({ [PATH]: FILE });
    await expect(place(hub, { HF_HUB_OFFLINE: "1" }).local()).rejects.toThrow(
      /^owner\/name\/en\/part.00000.json.gz at a{40}: HF_HUB_OFFLINE is set, and the file is not in .*hub$/,
    );
    expect(hub.seen).toEqual([]);
  });

  test("that lies in the repository itself is checked by git's hash", async () => {
    const small = Buffer.from("{}\n");
    const sha1 = createHash("sha1").update(`blob ${small.length}\0`).update(small).digest("hex");
    const hub = await fakeHub({});
    hub.onHub = (_, response) => {
      response.writeHead(200, { etag: `"${sha1}"`, "content-length": small.length, "x-repo-commit": COMMIT });
      response.end(small);
      return true;
    };
    const at = place(hub);
    expect(readFileSync(await at.local()).equals(small)).toBe(true);
    expect(readdirSync(at.blobs)).toEqual([sha1]);
  });
});

describe("the token", () => {
  test("goes to the hub and not to the host that it sends us to", async () => {
    const hub = await fakeHub({ [PATH]: FILE });
    await place(hub, { HF_TOKEN: "secret" }).local();
    const of = (host: string) => hub.seen.filter((s) => s.host === host).map((s) => s.authorization);
    expect(new Set(of("hub"))).toEqual(new Set(["Bearer secret"]));
    expect(of("cdn")).toEqual([undefined]);
  });

  test.each([
    ["HF_TOKEN_PATH", "elsewhere"],
    ["HF_HOME", "hf/token"],
  ])("may come from a file: %s", async (_, name) => {
    const hub = await fakeHub({ [PATH]: FILE });
    const dir = scratch();
    mkdirSync(join(dir, "hf"));
    writeFileSync(join(dir, name), "stored\n");
    const path = name === "elsewhere" ? { HF_TOKEN_PATH: join(dir, name) } : {};
    await place(hub, { HF_HOME: join(dir, "hf"), ...path }).local();
    expect(hub.seen[0]!.authorization).toBe("Bearer stored");
  });

  test("is asked for where the dataset is gated", async () => {
    const hub = await fakeHub({ [PATH]: FILE });
    hub.onHub = (_, response) => refuse(response, 401, { "X-Error-Code": "GatedRepo" });
    await expect(place(hub).local()).rejects.toThrow(/GatedRepo, status 401.*HF_TOKEN/);
    expect(hub.seen).toHaveLength(1);
  });
});

describe("what breaks off", () => {
  test("is taken up where it broke, under the same ETag", async () => {
    const hub = await fakeHub({ [PATH]: FILE });
    hub.onCdn = (request, response, n) => n < 2 && cut(FILE, request, response, 100_000);
    const at = place(hub);
    expect(readFileSync(await at.local()).equals(FILE)).toBe(true);
    expect(hub.ranges()).toEqual([undefined, "bytes=100000-", "bytes=200000-"]);
    expect(hub.seen.at(-1)!.ifRange).toMatch(/^"cdn-/);
    expect(at.said.some((line) => /retrying in/.test(line))).toBe(true);
  });

  test("is taken up by a later process too", async () => {
    const hub = await fakeHub({ [PATH]: FILE });
    hub.onCdn = (request, response, n) =>
      n === 0 ? cut(FILE, request, response, 100_000) : n < 4 ? refuse(response, 503) : false;
    const at = place(hub);
    await expect(at.local()).rejects.toThrow(/status 503; gave up after 4 attempts/);
    expect(readdirSync(at.blobs)).toContain(`${sha256(FILE)}.hnorm.incomplete`);
    expect(readFileSync(await at.local()).equals(FILE)).toBe(true);
    expect(hub.ranges().at(-1)).toBe("bytes=100000-");
    expect(hub.seen.at(-1)!.ifRange).toMatch(/^"cdn-/);
  });

  test("begins anew where the server knows no ranges", async () => {
    const hub = await fakeHub({ [PATH]: FILE });
    hub.rangeless = true;
    hub.onCdn = (request, response, n) => n === 0 && cut(FILE, request, response, 100_000);
    expect(readFileSync(await place(hub).local()).equals(FILE)).toBe(true);
    expect(hub.ranges()).toEqual([undefined, "bytes=100000-"]);
  });

  test("begins anew where the file is another one by now", async () => {
    const hub = await fakeHub({ [PATH]: FILE });
    hub.onCdn = (_request, response, n) => {
      if (n > 0) return false;
      response.setHeader("ETag", '"cdn-of-yesterday"');
      response.writeHead(200, { "content-length": FILE.length });
      response.write(noise(100_000).reverse(), () => setTimeout(() => response.destroy(), 20));
      return true;
    };
    expect(readFileSync(await place(hub).local()).equals(FILE)).toBe(true);
    expect(hub.seen.at(-1)!.ifRange).toBe('"cdn-of-yesterday"');
  });

  test("and stays silent is given up like what breaks", async () => {
    const hub = await fakeHub({ [PATH]: FILE });
    hub.onCdn = (_, response, n) => {
      if (n > 0) return false;
      response.writeHead(200, { "content-length": FILE.length });
      response.write(FILE.subarray(0, 1000));
      return true;
    };
    const at = place(hub, {}, { ...QUICK, stallMs: 200 });
    expect(readFileSync(await at.local()).equals(FILE)).toBe(true);
    expect(hub.ranges()).toEqual([undefined, "bytes=1000-"]);
  });

  test("too often is an error that says so, and leaves no file under the final name", async () => {
    const hub = await fakeHub({ [PATH]: FILE });
    hub.onHub = ({ socket }, _, n) => n > 0 && socket.destroy().destroyed;
    const at = place(hub);
    await expect(at.local()).rejects.toThrow(/gave up after 4 attempts. Rerun the same command to resume/);
    expect(existsSync(at.blob)).toBe(false);
  });
});

describe("a hub that cannot be reached", () => {
  /** A port that was free a moment ago. */
  async function closedPort(): Promise<number> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await once(server.close(), "close");
    return port;
  }

  test("is tried a few times where it does not answer, and the reason is given", async () => {
    const at = place(await fakeHub({}), { HF_ENDPOINT: `http://127.0.0.1:${await closedPort()}` });
    await expect(at.local()).rejects.toThrow(/ECONNREFUSED; gave up after 4 attempts/);
    expect(at.said).toHaveLength(3);
    for (const line of at.said) expect(line).toMatch(/ECONNREFUSED; retrying in /);
  });

  test("is not tried again where no such host exists", async () => {
    const at = place(await fakeHub({}), { HF_ENDPOINT: "http://hub.invalid:80" });
    // A name server that does not answer is another matter, and may do so on the machine that tests.
    await expect(at.local()).rejects.toThrow(/: ENOTFOUND$|EAI_AGAIN; gave up after 4 attempts/);
  });
});

describe("a busy hub", () => {
  test("is asked again: 503 twice, then the file", async () => {
    const hub = await fakeHub({ [PATH]: FILE });
    hub.onHub = (_, response, n) => n < 2 && refuse(response, 503);
    await place(hub).local();
    expect(hub.seen.map(({ method }) => method)).toEqual(["HEAD", "HEAD", "HEAD", "GET", "GET"]);
  });

  test("is left alone as long as it asks: 429 with Retry-After", async () => {
    const hub = await fakeHub({ [PATH]: FILE });
    hub.onHub = (_, response, n) => n === 0 && refuse(response, 429, { "Retry-After": "1" });
    const at = place(hub);
    const began = Date.now();
    await at.local();
    expect(Date.now() - began).toBeGreaterThanOrEqual(990);
    expect(at.said[0]).toMatch(/status 429; retrying in 1 s$/);
  });

  test("that asks for hours is an error", async () => {
    const hub = await fakeHub({ [PATH]: FILE });
    hub.onHub = (_, response) => refuse(response, 429, { "Retry-After": "7200" });
    await expect(place(hub).local()).rejects.toThrow(/the server asks to retry in 2 h 0 min/);
  });
});

describe("a wrong file is not accepted", () => {
  const tampered = Uint8Array.from(FILE);
  tampered[150_000]! ^= 1;

  test("one flipped bit", async () => {
    const hub = await fakeHub({ [PATH]: tampered });
    hub.etags.set(PATH, sha256(FILE));
    const at = place(hub);
    await expect(at.local()).rejects.toThrow(
      `part.00000.json.gz: the download does not match its checksum (got ${sha256(tampered)}, expected ${sha256(FILE)}); discarded`,
    );
    expect(readdirSync(at.blobs)).toEqual([]);
    expect(hub.ranges()).toHaveLength(1);
  });

  test("a partial file that was damaged meanwhile is fetched anew", async () => {
    const hub = await fakeHub({ [PATH]: FILE });
    const at = place(hub);
    mkdirSync(at.blobs, { recursive: true });
    writeFileSync(`${at.blob}.hnorm.incomplete`, tampered.subarray(0, 200_000));
    expect(readFileSync(await at.local()).equals(FILE)).toBe(true);
    expect(hub.ranges()).toEqual(["bytes=200000-", undefined]);
  });

  test("another size than announced", async () => {
    const hub = await fakeHub({ [PATH]: FILE });
    hub.onCdn = (request, response) => send(FILE.subarray(0, 299_999), request, response);
    await expect(place(hub).local()).rejects.toThrow("299999 bytes where 300000 were announced");
  });

  test("a path, a revision or a repository that is not there", async () => {
    const hub = await fakeHub({});
    await expect(place(hub).local()).rejects.toThrow(/no such file \(EntryNotFound, status 404\)$/);
    hub.onHub = (_, response) => refuse(response, 404, { "X-Error-Code": "RevisionNotFound" });
    await expect(place(hub).local()).rejects.toThrow(/no such revision \(RevisionNotFound, status 404\)$/);
  });

  test("of C4 what the published checksums do not know", async () => {
    const hub = await fakeHub({});
    hub.onHub = (_, response) => {
      response.writeHead(200, { "x-linked-etag": `"${sha256(FILE)}"`, "x-linked-size": FILE.length }).end();
      return true;
    };
    const shard = "hf://datasets/allenai/c4/en/c4-train.00007-of-01024.json.gz";
    await expect(place(hub).local(shard)).rejects.toThrow(
      /the server offers another file \(300000 bytes, \w{64}\) than the published one \(\d{9} bytes, sha256 \w{64}\)$/,
    );
    expect(hub.seen[0]!.path).toContain(
      "/resolve/1588ec454efa1a09f29cd18ddd04fe05fc8653a2/en/c4-train.00007",
    );
  });
});

test("two at once fetch it once", async () => {
  const hub = await fakeHub({ [PATH]: FILE });
  hub.onCdn = (request, response) => {
    setTimeout(() => send(FILE, request, response), 300);
    return true;
  };
  const at = place(hub);
  const paths = await Promise.all([at.local(), at.local(), at.local()]);
  expect(new Set(paths).size).toBe(1);
  expect(hub.ranges()).toHaveLength(1);
  expect(at.said).toContain("waiting for another process that downloads part.00000.json.gz");
});

describe("the first documents", () => {
  const lines = Array.from({ length: 5000 }, (_, i) =>
    JSON.stringify({ text: `document ${i} ${noise(20)}` }),
  );
  const gz = gzipSync(`\n${lines.join("\r\n\r\n")}`);

  test("come without the rest, and are kept", async () => {
    const hub = await fakeHub({ [PATH]: gz });
    hub.onCdn = (request, response) => cut(gz, request, response, Math.floor(gz.length / 2));
    const at = place(hub);
    const path = await at.local(REFERENCE, 100);
    const { gunzipSync } = await import("node:zlib");
    const text = gunzipSync(readFileSync(path)).toString();
    expect(
      text
        .split("\r\n")
        .filter(Boolean)
        .map((line) => line.trim()),
    ).toEqual(lines.slice(0, 100));
    expect(path).toMatch(/cache\/hub\/\w{32}\.first-100\.00000\.json\.gz$/);
    expect(existsSync(at.blob)).toBe(false);
    const asked = hub.ranges().length;
    await at.local(REFERENCE, 100);
    expect(hub.ranges()).toHaveLength(asked);
  });

  test("break off and go on like any other", async () => {
    const hub = await fakeHub({ [PATH]: gz });
    hub.onCdn = (request, response, n) => n < 2 && cut(gz, request, response, 5000);
    const at = place(hub);
    const { gunzipSync } = await import("node:zlib");
    const all = gunzipSync(readFileSync(await at.local(REFERENCE, 1_000_000)));
    expect(all.equals(gunzipSync(gz))).toBe(true);
    expect(hub.ranges()).toEqual([undefined, "bytes=5000-", "bytes=10000-"]);
  });

  test("are refused where they turn out to be the whole of a wrong file, or no gzip", async () => {
    const hub = await fakeHub({ [PATH]: gz });
    hub.etags.set(PATH, "0".repeat(64));
    await expect(place(hub).local(REFERENCE, 1_000_000)).rejects.toThrow("does not match its checksum 000");
    const noGzip = place(await fakeHub({ [PATH]: FILE }));
    await expect(noGzip.local(REFERENCE, 3)).rejects.toThrow("part.00000.json.gz: corrupt gzip");
    expect(readdirSync(join(noGzip.dir, "cache", "hub"))).toEqual([]);
  });
});
