/** References to files on the hub, the checksums that are known beforehand, the environment's settings. */
import { homedir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { checksums } from "../../../../src/data/hub/checksums.ts";
import { hubFiles } from "../../../../src/data/hub/reference.ts";
import { hubSettings } from "../../../../src/data/hub/settings.ts";

const paths = (reference: string) => {
  const files = hubFiles(reference);
  return typeof files === "string" ? files : files.map(({ path }) => path);
};

describe("a reference", () => {
  test("names a file, at the pinned commit of C4 and else at main", () => {
    const path = "en/c4-train.00000-of-01024.json.gz";
    const commit = "1588ec454efa1a09f29cd18ddd04fe05fc8653a2";
    expect(hubFiles(`hf://datasets/allenai/c4/${path}`)).toEqual([
      { repo: "allenai/c4", revision: commit, path },
    ]);
    expect(hubFiles(`hf://datasets/allenai/c4@main/${path}`)).toMatchObject([{ revision: "main" }]);
    expect(hubFiles("hf://datasets/some/one/x.json")).toMatchObject([{ revision: "main", path: "x.json" }]);
    expect(hubFiles("hf://datasets/some/one@refs%2Fpr%2F1/x")).toMatchObject([{ revision: "refs/pr/1" }]);
  });

  test.each<[string, readonly string[]]>([
    ["a{08..11}b", ["a08b", "a09b", "a10b", "a11b"]],
    ["{0..2}", ["0", "1", "2"]],
    ["{b,a}/{1..2}", ["a/1", "a/2", "b/1", "b/2"]],
    ["{a,a}", ["a"]],
    ["plain", ["plain"]],
  ])("%s unfolds", (pattern, unfolded) => expect(paths(`hf://datasets/o/n/${pattern}`)).toEqual(unfolded));

  test("may use patterns where the files are known", () => {
    const all = paths("hf://datasets/allenai/c4/en/c4-train.*.json.gz");
    expect(all).toHaveLength(1024);
    expect(all).toEqual(paths("hf://datasets/allenai/c4/en/c4-train.{00000..01023}-of-01024.json.gz"));
    expect(paths("hf://datasets/allenai/c4/en/c4-validation.0000[01]-*")).toHaveLength(2);
  });

  test.each([
    ["hf://allenai/c4/en/x", /^got .*; expected hf:\/\/datasets\/OWNER\/NAME\/PATH or/],
    ["hf://datasets/allenai/c4", /expected/],
    ["hf://datasets/o/n/*.json", /files are known in advance for allenai\/c4 only; write a range/],
    ["hf://datasets/allenai/c4/en/c4-trian.*", /^no file of allenai\/c4 matches "en\/c4-trian\.\*"/],
    ["hf://datasets/o/n/{3..1}", /runs backwards/],
    ["hf://datasets/o/n/{0..999999}", /more than 100000 files/],
    ["hf://datasets/o/n/{0..999}/{0..999}", /more than 100000 files/],
  ])("%s is refused", (reference, message) => expect(hubFiles(reference)).toMatch(message));
});

test("C4's checksums are those of all its English shards", () => {
  const table = checksums("allenai/c4");
  expect(table.size).toBe(1032);
  for (const { bytes, sha256 } of table.values()) {
    expect(bytes).toBeGreaterThan(30e6);
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
  }
  expect(new Set([...table.values()].map(({ sha256 }) => sha256)).size).toBe(1032);
  expect(checksums("some/one").size).toBe(0);
});

describe("settings", () => {
  test("have huggingface_hub's defaults", () => {
    expect(hubSettings({ HF_TOKEN_PATH: "/nowhere" })).toEqual({
      endpoint: "https://huggingface.co",
      cacheDir: join(homedir(), ".cache", "huggingface", "hub"),
      offline: false,
    });
  });

  test.each<[Record<string, string>, object]>([
    [{ HF_ENDPOINT: "https://mirror.example/hf/" }, { endpoint: "https://mirror.example/hf" }],
    [{ HF_TOKEN: " t\n" }, { token: "t" }],
    [{ HF_HOME: "/h" }, { cacheDir: join("/h", "hub") }],
    [{ XDG_CACHE_HOME: "/x" }, { cacheDir: join("/x", "huggingface", "hub") }],
    [{ HF_HUB_CACHE: "/c", HF_HOME: "/h" }, { cacheDir: "/c" }],
    [{ HUGGINGFACE_HUB_CACHE: "/c" }, { cacheDir: "/c" }],
    [{ HF_HUB_OFFLINE: "YES" }, { offline: true }],
    [{ HF_HUB_OFFLINE: "0" }, { offline: false }],
  ])("%j", (env, settings) =>
    expect(hubSettings({ HF_TOKEN_PATH: "/nowhere", ...env })).toMatchObject(settings),
  );

  test("an endpoint that is no address is refused", () => {
    expect(() => hubSettings({ HF_ENDPOINT: "mirror.example" })).toThrow(
      'HF_ENDPOINT: got "mirror.example"; expected an http or https address',
    );
  });
});
