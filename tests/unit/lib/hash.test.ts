import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { integrityOf, sha256, sha256File } from "../../../src/lib/hash.ts";

const folder = mkdtempSync(join(tmpdir(), "hnorm-hash-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** FIPS 180-2, appendix B.1. */
const ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

test("sha256 of the standard's example, whole, in parts, as bytes and as a file", async () => {
  writeFileSync(join(folder, "abc"), "abc");
  expect(sha256("abc")).toBe(ABC);
  expect(sha256("a", new Uint8Array([98]), "c")).toBe(ABC);
  expect(await sha256File(join(folder, "abc"))).toBe(ABC);
});

test("integrity is written as npm writes it", () => {
  expect(integrityOf(Buffer.from("abc"))).toBe(
    "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==",
  );
});
