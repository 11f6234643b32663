import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { writeFileAtomic, writeFileAtomicSync, writeFolderAtomic } from "../../../src/lib/fs-atomic.ts";

const folder = mkdtempSync(join(tmpdir(), "hnorm-atomic-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("a file appears whole, in a folder that is made, and replaces an older one", async () => {
  const path = join(folder, "a", "b", "file.txt");
  await writeFileAtomic(path, "one");
  await writeFileAtomic(path, [Buffer.from("tw"), Buffer.from("o")]);
  expect(readFileSync(path, "utf8")).toBe("two");
  expect(readdirSync(join(folder, "a", "b"))).toEqual(["file.txt"]);
});

test("so does one that is waited for", () => {
  const path = join(folder, "sync", "b", "file.txt");
  writeFileAtomicSync(path, "one");
  writeFileAtomicSync(path, Buffer.from("two"));
  expect(readFileSync(path, "utf8")).toBe("two");
  expect(() => writeFileAtomicSync(join(folder, "sync", "b"), "a folder is there")).toThrow();
  expect(readdirSync(join(folder, "sync"))).toEqual(["b"]);
  expect(readdirSync(join(folder, "sync", "b"))).toEqual(["file.txt"]);
});

test("a write that fails leaves the old file and no temporary", async () => {
  const path = join(folder, "kept.txt");
  await writeFileAtomic(path, "old");
  function* breaking(): Iterable<Uint8Array> {
    yield Buffer.from("half of the n");
    throw new Error("cut");
  }
  await expect(writeFileAtomic(path, breaking())).rejects.toThrow("cut");
  expect(readFileSync(path, "utf8")).toBe("old");
  expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
});

test("a folder appears whole or not at all, and the first of two stays", async () => {
  const path = join(folder, "tokens");
  const fill = (text: string) => async (inside: string) => writeFileSync(join(inside, "x"), text);
  const breaking = async (inside: string) => {
    await fill("half")(inside);
    throw new Error("cut");
  };
  await expect(writeFolderAtomic(path, breaking)).rejects.toThrow("cut");
  expect(existsSync(path)).toBe(false);
  expect(await writeFolderAtomic(path, fill("first"))).toBe(true);
  expect(await writeFolderAtomic(path, fill("second"))).toBe(false);
  expect(readFileSync(join(path, "x"), "utf8")).toBe("first");
  expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
});
