import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { gunzip } from "../../../src/data/gunzip.ts";
import { LONGEST_LINE, readJsonLines } from "../../../src/data/json-lines.ts";
import { EnvironmentError } from "../../../src/lib/errors.ts";
import { temporaryFolder } from "./fixtures.ts";

const folder = temporaryFolder();

/** The bytes in pieces of at most `size`. */
async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function unzipped(bytes: Uint8Array, size = bytes.length || 1): Promise<string> {
  const out: Buffer[] = [];
  for await (const chunk of gunzip(pieces(bytes, size))) out.push(chunk);
  return Buffer.concat(out).toString("latin1");
}

const members = fc.array(
  fc.record({ text: fc.string({ maxLength: 40 }), padding: fc.constantFrom(0, 0, 1, 2, 9) }),
  { minLength: 1, maxLength: 4 },
);
type Members = readonly { readonly text: string; readonly padding: number }[];
const fileOf = (of: Members) =>
  Buffer.concat(
    of.flatMap(({ text, padding }) => [gzipSync(Buffer.from(text, "latin1")), Buffer.alloc(padding)]),
  );
const textOf = (of: Members) => of.map(({ text }) => text).join("");

test("members one after another, zero bytes between and after them, in pieces of any size", async () => {
  await fc.assert(
    fc.asyncProperty(members, fc.integer({ min: 1, max: 60 }), async (of, size) => {
      expect(await unzipped(fileOf(of), size)).toBe(Buffer.from(textOf(of), "latin1").toString("latin1"));
    }),
  );
});

test("a byte changed anywhere is an error, or was one that says nothing of the contents", async () => {
  await fc.assert(
    fc.asyncProperty(members, fc.nat(), fc.integer({ min: 1, max: 255 }), async (of, where, flip) => {
      const bytes = fileOf(of);
      bytes[where % bytes.length]! ^= flip;
      const got = await unzipped(bytes).catch((error: NodeJS.ErrnoException) => error);
      if (got instanceof Error) expect((got as NodeJS.ErrnoException).code).toMatch(/^Z_/);
      else expect(got).toBe(textOf(of));
    }),
    { numRuns: 300 },
  );
});

test("a file that ends within a member is an error, wherever it ends", async () => {
  const whole = fileOf([
    { text: "one", padding: 3 },
    { text: "two", padding: 0 },
  ]);
  const first = gzipSync("one").length;
  for (let length = 1; length < whole.length; length++) {
    const got = unzipped(whole.subarray(0, length), 7);
    if (length >= first && length <= first + 3) expect(await got).toBe("one");
    else await expect(got, `${length} bytes`).rejects.toThrow(/unexpected end of file/);
  }
});

test("what follows a member is another one, or an error that names the file", async () => {
  const [line, other] = ['{"text":"a"}\n', '{"text":"b"}\n'].map((text) => gzipSync(text)) as [
    Buffer,
    Buffer,
  ];
  const damaged = Buffer.from(other);
  damaged[0] = 0;
  for (const [i, rest] of [
    damaged,
    Buffer.from("\0\0tail"),
    Buffer.from("tail"),
    other.subarray(0, 5),
  ].entries()) {
    const path = join(folder, `${i}.json.gz`);
    writeFileSync(path, Buffer.concat([line, rest]));
    const read = async () => {
      for await (const _ of readJsonLines(path));
    };
    await expect(read(), String(i)).rejects.toThrow(EnvironmentError);
    await expect(read()).rejects.toThrow(/^\S+\d\.json\.gz:[12]: corrupt gzip/);
  }
});

test("a line without end is refused long before it fills the memory", async () => {
  const path = join(folder, "long.json.gz");
  writeFileSync(
    path,
    gzipSync(Buffer.concat([Buffer.from('{"text":"a"}\n'), Buffer.alloc(LONGEST_LINE + 2, 97)])),
  );
  const read = async () => {
    for await (const { text } of readJsonLines(path, { onBadLine: "skip" })) expect(text).toBe("a");
  };
  await expect(read()).rejects.toThrow(`${path}:2: the line is longer than 128 MiB`);
});
