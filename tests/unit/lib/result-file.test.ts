/** Results that are remembered on a machine: by what they depend on, and only where they can be understood. */
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { ResultFile } from "../../../src/lib/result-file.ts";

interface Result {
  readonly ok: boolean;
}

const folder = () => mkdtempSync(join(tmpdir(), "hnorm-results-"));
const fileIn = (dir: string, ...dependsOn: readonly unknown[]) =>
  new ResultFile<Result>(dir, {
    name: "test",
    dependsOn,
    parse: (content) => (typeof (content as Result).ok === "boolean" ? (content as Result) : undefined),
  });

test("a result is found again by all that it depends on, and by nothing else", () => {
  const dir = join(folder(), "made", "when", "needed");
  expect(fileIn(dir, "H200", 13000).read()).toBeUndefined();
  fileIn(dir, "H200", 13000).write({ ok: true });
  expect(fileIn(dir, "H200", 13000).read()).toEqual({ ok: true });
  for (const other of [["H200", 13010], ["H100", 13000], ["H200"], []])
    expect(fileIn(dir, ...other).read()).toBeUndefined();
  expect(readdirSync(dir)).toHaveLength(1);
});

test.each(["", "{", '{"ok": tr', "null", "7", '{"ok": "yes"}', "{}"])(
  "a file of %j holds no result",
  (text) => {
    const file = fileIn(folder());
    writeFileSync(file.path, text);
    expect(file.read()).toBeUndefined();
    file.write({ ok: false });
    expect(file.read()).toEqual({ ok: false });
  },
);

test("a folder that cannot be written remembers nothing", async () => {
  const dir = join(folder(), "file");
  writeFileSync(dir, "");
  const file = fileIn(join(dir, "none"));
  expect(() => file.write({ ok: true })).toThrow();
  file.tryWrite({ ok: true });
  expect(file.read()).toBeUndefined();
  expect(
    await file.exclusively(
      async () => "done",
      () => expect.fail("nobody to wait for"),
    ),
  ).toBe("done");
});

test("several that want a result at the same time find it once", async () => {
  const file = fileIn(folder());
  let [found, waited] = [0, 0];
  const find = async () => {
    const known = file.read();
    if (known !== undefined) return known;
    found++;
    await sleep(50);
    file.write({ ok: true });
    return { ok: true };
  };
  const all = [1, 2, 3].map(() => file.exclusively(find, () => waited++));
  expect(await Promise.all(all)).toEqual([{ ok: true }, { ok: true }, { ok: true }]);
  expect([found, waited]).toEqual([1, 2]);
});

test("work that fails is not done a second time", async () => {
  const file = fileIn(folder());
  let begun = 0;
  const work = async () => {
    begun++;
    throw new Error("no device");
  };
  await expect(file.exclusively(work, () => {})).rejects.toThrow("no device");
  expect(begun).toBe(1);
  mkdirSync(file.path); // no file at all
  expect(file.read()).toBeUndefined();
});
