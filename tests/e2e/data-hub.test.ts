/** `hnorm data prepare` on `hf://` references, against a small hub on this machine: fetched, offline, killed, trained on. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { gunzipSync, gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { stream } from "../../src/lib/prng.ts";
import { fakeHub, sha256 } from "../unit/data/hub/server.ts";
import { file, finish, folder, start, tiny } from "./hnorm.ts";

const random = stream(11, "e2e/data-hub");
const line = () => {
  const text = Array.from({ length: 20 + random.below(60) }, () => `w${random.below(5000)}`).join(" ");
  return `${JSON.stringify({ text })}\n`;
};
const shard = (lines: number) => gzipSync(Array.from({ length: lines }, line).join(""));
const TRAIN = [0, 1, 2].map((i) => [`plain/train-${i}.jsonl.gz`, shard(600)] as const);
const FILES = { ...Object.fromEntries(TRAIN), "plain/valid.jsonl.gz": shard(60) };
const [, SECOND] = TRAIN[1]!;

const YAML = `data:
  source:
    name: c4
    train: "hf://datasets/owner/name/plain/train-{0..2}.jsonl.gz"
    validation: "hf://datasets/owner/name@main/plain/valid.jsonl.gz"
  tokenizer: bytes
`;

/** The hub, and `prepare` into a folder beside the YAML with a cache of the hub's files of that name. */
async function setUp() {
  const hub = await fakeHub(FILES);
  const dir = folder();
  file(dir, "prepare.yaml", YAML);
  const begin = (out: string, hfHome: string, more: Readonly<Record<string, string>> = {}) => {
    const own = {
      HF_ENDPOINT: hub.endpoint,
      HF_HOME: join(dir, hfHome),
      HF_HUB_CACHE: "",
      HF_HUB_OFFLINE: "",
    };
    const args = ["data", "prepare", "prepare.yaml", "--workers", "1", "--out", out];
    return start(dir, args, { ...own, HUGGINGFACE_HUB_CACHE: "", no_proxy: "127.0.0.1", ...more });
  };
  const prepare = (...args: Parameters<typeof begin>) => finish(begin(...args));
  const run = (...args: readonly string[]) => finish(start(dir, args));
  return { hub, dir, begin, prepare, run };
}

const contents = (dir: string) =>
  Object.fromEntries(readdirSync(dir).map((name) => [name, sha256(readFileSync(join(dir, name)))]));

test("prepared from the hub, again without it, verified and trained on", async () => {
  const { hub, dir, prepare, run } = await setUp();
  const made = await prepare("out", "hf");
  expect(made.code, made.stderr).toBe(0);
  expect(made.stderr).toMatch(/train: .* tokens of 1\.8k documents in 3 shards/);
  expect(hub.ranges()).toEqual([undefined, undefined, undefined, undefined]);
  expect(hub.seen.filter(({ host }) => host === "hub").map(({ path }) => path)).toContain(
    "/datasets/owner/name/resolve/main/plain/train-0.jsonl.gz",
  );

  const manifest = JSON.parse(readFileSync(join(dir, "out", "manifest.json"), "utf8"));
  for (const [i, [path, bytes]] of TRAIN.entries())
    expect(manifest.train[i]).toMatchObject({
      name: path.slice("plain/".length),
      bytes: bytes.length,
      documents: 600,
      sha256: sha256(bytes),
      stamp: sha256(bytes),
    });
  expect(manifest.validation).toMatchObject([{ name: "valid.jsonl.gz", documents: 60 }]);
  // The tokens are the documents' bytes, each document with one end.
  const texts = gunzipSync(SECOND).toString().trimEnd().split("\n");
  const length = texts.reduce((sum, text) => sum + JSON.parse(text).text.length + 1, 0);
  expect(statSync(join(dir, "out", "train-00001-00.bin")).size).toBe(2 * length);

  const asked = hub.seen.length;
  const offline = { HF_HUB_OFFLINE: "1", HF_ENDPOINT: "http://127.0.0.1:9" };
  for (const [out, env] of [
    ["out", offline],
    ["anew", offline],
    ["online", {}],
  ] as const) {
    const again = await prepare(out, "hf", env);
    expect(again.code, again.stderr).toBe(0);
    expect(contents(join(dir, out))).toEqual(contents(join(dir, "out")));
  }
  expect(hub.seen).toHaveLength(asked);
  const bare = await prepare("bare", "empty", { HF_HUB_OFFLINE: "1" });
  expect([bare.code, bare.stderr]).toEqual([
    69,
    expect.stringContaining("owner/name/plain/train-0.jsonl.gz at main: HF_HUB_OFFLINE is set"),
  ]);

  const verified = await run("data", "verify", "out");
  expect([verified.code, verified.stdout]).toEqual([0, ""]);
  const model = { d_model: 16, n_layers: 1, n_heads: 2, ffn_dim: 24, vocab_size: 257, seq_len: 16 };
  file(dir, "train.yaml", tiny({ data: { source: { name: "shards", path: "out" } }, model }));
  const trained = await run("sweep", "train.yaml");
  expect(trained.stderr).toContain("data: shards (out), tokenizer bytes");
  expect(trained.code, trained.stderr).toBe(0);
}, 120_000);

test("killed while the second file comes, it goes on there and ends with the same bytes", async () => {
  const { hub, dir, begin, prepare } = await setUp();
  expect((await prepare("undisturbed", "other")).code).toBe(0);
  const before = hub.ranges().length;

  const half = SECOND.length >> 1;
  hub.onCdn = (request, response) => {
    if (!request.url!.endsWith("train-1.jsonl.gz")) return false;
    response.setHeader("ETag", `"cdn-${sha256(SECOND).slice(0, 8)}"`);
    response.writeHead(200, { "content-length": SECOND.length }).write(SECOND.subarray(0, half));
    return true; // and nothing more comes
  };
  const child = begin("out", "hf");
  const ended = finish(child);
  const partial = join(
    ...[dir, "hf", "hub", "datasets--owner--name", "blobs", `${sha256(SECOND)}.hnorm.incomplete`],
  );
  const arrived = () => statSync(partial, { throwIfNoEntry: false })?.size === half;
  while (child.exitCode === null && !arrived()) await setTimeout(20);
  child.kill("SIGKILL");
  expect((await ended).signal).toBe("SIGKILL");
  const left = readdirSync(join(dir, "out"));
  expect(left).toContain("train-00000-00.bin");
  expect(left).not.toContain("manifest.json");

  hub.onCdn = () => false;
  const resumed = await prepare("out", "hf");
  expect(resumed.code, resumed.stderr).toBe(0);
  expect(contents(join(dir, "out"))).toEqual(contents(join(dir, "undisturbed")));
  // Killed: the first file and half of the second. Resumed: the other half, the third, validation.
  expect(hub.ranges().slice(before)).toEqual([
    ...[undefined, undefined],
    ...[`bytes=${half}-`, undefined, undefined],
  ]);
}, 120_000);
