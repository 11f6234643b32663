/** A hub, or something between here and there, that means harm or is set up wrongly. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import { openHubFiles } from "../../../../src/data/hub/hub-files.ts";
import { hubFiles } from "../../../../src/data/hub/reference.ts";
import type { RequestPolicy } from "../../../../src/data/hub/request.ts";
import { EnvironmentError } from "../../../../src/lib/errors.ts";
import { COMMIT, type FakeHub, fakeHub, refuse, send, sha256 } from "./server.ts";

const PATH = "en/a.json.gz";
const FILE = gzipSync('{"text":"a"}\n');
const QUICK: RequestPolicy = { attempts: 3, firstWaitMs: 1, stallMs: 5000, minBytesPerSecond: 0 };

function place(endpoint: string, more: Readonly<Record<string, string>> = {}, policy = QUICK) {
  const dir = mkdtempSync(join(tmpdir(), "hnorm-hostile-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const said: string[] = [];
  const env = { HF_ENDPOINT: endpoint, HF_HOME: join(dir, "hf"), ...more };
  const ctx = {
    baseDir: dir,
    cacheDir: join(dir, "cache"),
    env,
    onProgress: (m: string) => void said.push(m),
  };
  return {
    dir,
    said,
    repo: join(dir, "hf/hub/datasets--owner--name"),
    async local(reference = `hf://datasets/owner/name/${PATH}`): Promise<string> {
      const [file] = await openHubFiles("data.source.train", reference, ctx, policy);
      return file!.local();
    },
  };
}
/** A hub whose first host answers with these headers, and a redirect to the file. */
async function saying(headers: Readonly<Record<string, string>>, status = 302): Promise<FakeHub> {
  const hub = await fakeHub({ [PATH]: FILE });
  const cdn = await fakeHub({ [PATH]: FILE });
  const usual = {
    "x-repo-commit": COMMIT,
    "x-linked-etag": `"${sha256(FILE)}"`,
    "x-linked-size": String(FILE.length),
    location: `${cdn.endpoint}/datasets/owner/name/resolve/main/${PATH}`,
  };
  hub.onHub = (_, response: ServerResponse) => refuse(response, status, { ...usual, ...headers });
  return hub;
}

test.each([
  ["a commit that is a path", { "x-repo-commit": "../../../../escaped" }, /names no commit/],
  ["a commit of 39 digits", { "x-repo-commit": "a".repeat(39) }, /names no commit/],
  ["a size of nothing", { "x-linked-size": "0" }, /announces a size of 0 bytes/],
  ["a size that is no number", { "x-linked-size": "many" }, /announces a size of NaN bytes/],
  ["a negative size", { "x-linked-size": "-5" }, /announces a size of -5 bytes/],
  ["a size with a fraction", { "x-linked-size": "1.5" }, /announces a size of 1.5 bytes/],
  ["a petabyte", { "x-linked-size": String(2 ** 50) }, /1 PiB are to be downloaded, and .* free/],
  ["a checksum that is a path", { "x-linked-etag": '"../../x"' }, /names no checksum/],
])("%s is refused, and nothing is written", async (_, headers, message) => {
  const hub = await saying(headers);
  const at = place(hub.endpoint);
  await expect(at.local()).rejects.toThrow(message);
  await expect(at.local()).rejects.toThrow(EnvironmentError);
  expect(existsSync(join(at.dir, "escaped"))).toBe(false);
  expect(existsSync(join(at.repo, "snapshots"))).toBe(false);
  expect(existsSync(join(at.repo, "blobs")) ? readdirSync(join(at.repo, "blobs")) : []).toEqual([]);
});

test.each(["file:///etc/passwd", "http://[", "ftp://127.0.0.1/x", "javascript:0"])(
  "a redirect to %s fails at once",
  async (location) => {
    const hub = await fakeHub({ [PATH]: FILE });
    hub.onHub = (_, response) => refuse(response, 302, { location });
    await expect(place(hub.endpoint).local()).rejects.toThrow(`redirected to ${JSON.stringify(location)}`);
    expect(hub.seen).toHaveLength(1);
  },
);

test.each([
  "hf://datasets/owner/name@%zz/x.json",
  "hf://datasets/owner/name@..%2F..%2Fx/x.json",
  "hf://datasets/owner/name@%2Fetc/x.json",
  "hf://datasets/owner/name@a%00b/x.json",
  "hf://datasets/../name/x.json",
  "hf://datasets/owner/../x.json",
  "hf://datasets/owner/name/../../x.json",
  "hf://datasets/owner/name/a//x.json",
  "hf://datasets/owner/name/a\\..\\x.json",
  "hf://datasets/owner/name/{a,..}/x.json",
])("%s is no reference", (reference) => {
  expect(hubFiles(reference)).toEqual(expect.any(String));
});

test("a branch with slashes is one", () => {
  expect(hubFiles("hf://datasets/owner/name@refs%2Fconvert%2Fparquet/x.json")).toEqual([
    { repo: "owner/name", revision: "refs/convert/parquet", path: "x.json" },
  ]);
});

test("a repository that was renamed is followed, and its last answer counts", async () => {
  const hub = await fakeHub({ [PATH]: FILE });
  hub.onHub = ({ url = "" }, response) =>
    !url.includes("renamed") &&
    refuse(response, 307, { etag: '"of-the-redirect"', location: url.replace("/main/", "/renamed/") });
  const at = place(hub.endpoint);
  expect(readFileSync(await at.local()).equals(FILE)).toBe(true);
});

test("a length that belongs to a redirect's text is not the file's", async () => {
  const hub = await saying({ "x-linked-size": "", "content-length": "0" });
  await expect(place(hub.endpoint).local()).rejects.toThrow(
    /announces a size of 0 bytes|names no checksum and size/,
  );
});

test("a busy hub's quota says how long to wait", async () => {
  const hub = await fakeHub({ [PATH]: FILE });
  hub.onHub = (_, response, n) => n === 0 && refuse(response, 429, { RateLimit: '"resolvers";r=0;t=1' });
  const at = place(hub.endpoint);
  await at.local();
  expect(at.said.some((line) => line.endsWith("status 429; retrying in 1 s"))).toBe(true);
});

test("a file that is sent in another coding fails at once and says so", async () => {
  const hub = await fakeHub({ [PATH]: FILE });
  hub.onCdn = (_, response) => {
    response.writeHead(200, { "content-encoding": "gzip" }).end(FILE);
    return true;
  };
  await expect(place(hub.endpoint).local()).rejects.toThrow(/sends it with Content-Encoding gzip/);
});

test("bytes that trickle are given up like silence", async () => {
  const hub = await fakeHub({ [PATH]: FILE });
  hub.onCdn = (request, response, n) => {
    if (n > 0) return send(FILE, request, response);
    response.writeHead(200, { "content-length": FILE.length });
    response.write(FILE.subarray(0, 1));
    let at = 1;
    const timer = setInterval(() => void response.write(FILE.subarray(at, ++at)), 40);
    response.on("close", () => clearInterval(timer));
    return true;
  };
  const at = place(hub.endpoint, {}, { ...QUICK, stallMs: 200, minBytesPerSecond: 1e6 });
  await at.local().catch(() => {}); // the whole file may come in a window, too: what counts is that it was not waited for
  expect(at.said.join()).toMatch(/only \d+ bytes received in 0.2 s/);
});

test.each([
  [
    "SOCKS",
    { HTTP_PROXY: "socks5://user:secret@127.0.0.1:9" },
    "HTTP_PROXY: names a socks5 proxy, which is not supported",
  ],
  ["a bare address", { HTTPS_PROXY: "proxy.example:secret" }, "HTTPS_PROXY: has no http:// before the host"],
  ["nonsense", { HTTP_PROXY: "http://:secret:" }, "HTTP_PROXY: is no address of a proxy"],
  [
    "a token in two lines",
    { HF_TOKEN: "hf_sec\nret" },
    "HF_TOKEN (or the token of `hf auth login`): has a character",
  ],
])("%s is one clear line without a secret", async (_, env, message) => {
  const hub = await fakeHub({ [PATH]: FILE });
  const failure = await place(hub.endpoint, env)
    .local()
    .catch((error: Error) => error);
  expect(failure).toBeInstanceOf(EnvironmentError);
  expect((failure as Error).message).toContain(message);
  expect((failure as Error).message).not.toMatch(/sec|\n/);
  expect(hub.seen).toEqual([]);
});

test("a file that was damaged in the cache, at the same size, is fetched again; offline it is an error", async () => {
  const hub = await fakeHub({ [PATH]: FILE });
  const at = place(hub.endpoint);
  const path = await at.local();
  const damaged = Buffer.from(FILE);
  damaged[damaged.length >> 1]! ^= 1;
  writeFileSync(path, damaged);
  expect(readFileSync(await at.local()).equals(FILE)).toBe(true);
  expect(at.said.join()).toContain("damaged in the cache");
  writeFileSync(path, damaged);
  const offline = place(hub.endpoint, { HF_HOME: join(at.dir, "hf"), HF_HUB_OFFLINE: "1" });
  await expect(offline.local()).rejects.toThrow(/HF_HUB_OFFLINE is set, and the file is not in/);
});
