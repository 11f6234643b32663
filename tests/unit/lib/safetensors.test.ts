import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { UserError } from "../../../src/lib/errors.ts";
import { readSafetensors, writeSafetensors } from "../../../src/lib/safetensors.ts";

const folder = mkdtempSync(join(tmpdir(), "hnorm-safetensors-"));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, "x.safetensors");

/** A file of this header and body. */
function file(header: unknown, body: readonly number[] = []): string {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  writeFileSync(path, Buffer.concat([length, json, Buffer.from(body)]));
  return path;
}
/** A file of these bytes alone. */
function plain(bytes: string): string {
  writeFileSync(path, bytes, "latin1");
  return path;
}
const entry = (dtype: string, shape: readonly number[], from: number, to: number) => ({
  dtype,
  shape,
  data_offsets: [from, to],
});

const ONE = '{"dtype":"F32","shape":[1],"data_offsets":[0,4]}';
const zeros = (n: number): readonly number[] => Array(n).fill(0);
/** Two numbers, each in its own bytes. */
const pair = (a: readonly [number, number], b: readonly [number, number]) => ({
  a: entry("F32", [1], ...a),
  b: entry("F32", [1], ...b),
});

test("what is written is read back bit by bit, with nothing left beside it", async () => {
  const wide = new Float64Array([Math.PI, -0, 5e-324, Number.MAX_VALUE, Number.NaN, Infinity]);
  const part = new Float32Array([9, 1.5, -2, 3, 9]).subarray(1, 4); // a view into a larger buffer
  const tensors = new Map([
    ["embed.weight", { shape: [3, 1], values: part }],
    ["loss", { shape: [], values: new Float32Array([0.1]) }],
    ["wide ü", { shape: [2, 3], values: wide }],
  ]);
  await writeSafetensors(path, tensors, { step: "7" });
  const back = await readSafetensors(path);
  expect([...back.keys()]).toEqual([...tensors.keys()]);
  for (const [name, { shape, values }] of tensors) {
    expect(back.get(name)!.shape).toEqual(shape);
    expect(back.get(name)!.values).toEqual(values.slice());
  }
  expect(readdirSync(folder)).toEqual(["x.safetensors"]);
});

test("the file is laid out as format.md says: aligned, back to back, metadata as strings", async () => {
  const tensor = (n: number) => ({ shape: [n], values: new Float32Array(n).fill(n) });
  await writeSafetensors(
    path,
    new Map([
      ["a", tensor(1)],
      ["b", tensor(2)],
    ]),
    { format: "pt" },
  );
  const bytes = readFileSync(path);
  const headerLength = Number(bytes.readBigUInt64LE(0));
  expect(headerLength % 8).toBe(0);
  expect(JSON.parse(bytes.toString("utf8", 8, 8 + headerLength))).toEqual({
    __metadata__: { format: "pt" },
    a: entry("F32", [1], 0, 4),
    b: entry("F32", [2], 4, 12),
  });
  expect([...new Float32Array(new Uint8Array(bytes.subarray(8 + headerLength)).buffer)]).toEqual([1, 2, 2]);
});

/**
 * python -c 'import torch, base64; from safetensors.torch import save; t = torch.tensor; print(base64.b64encode(save({
 *   "a": t([[1.5, -2.0, 0.1]]), "double": t([0.1], dtype=torch.float64), "brain": t([1, -3.140625, 1e30], dtype=torch.bfloat16),
 *   "half": t([1, -0.333251953125, 65504, 2**-24, float("inf"), -0.0, 2**-14], dtype=torch.float16),
 *   "ids": t([[7], [-9007199254740991]]), "small": t(-5, dtype=torch.int32)}, metadata={"format": "pt"})))'
 */
const FROM_PYTHON =
  "gAEAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJmb3JtYXQiOiJwdCJ9LCJpZHMiOnsiZHR5cGUiOiJJNjQiLCJzaGFwZSI6WzIsMV0sImRhdGFfb2Zm" +
  "c2V0cyI6WzAsMTZdfSwiZG91YmxlIjp7ImR0eXBlIjoiRjY0Iiwic2hhcGUiOlsxXSwiZGF0YV9vZmZzZXRzIjpbMTYsMjRdfSwiYSI6eyJkdHlwZSI6" +
  "IkYzMiIsInNoYXBlIjpbMSwzXSwiZGF0YV9vZmZzZXRzIjpbMjQsMzZdfSwic21hbGwiOnsiZHR5cGUiOiJJMzIiLCJzaGFwZSI6W10sImRhdGFfb2Zm" +
  "c2V0cyI6WzM2LDQwXX0sImJyYWluIjp7ImR0eXBlIjoiQkYxNiIsInNoYXBlIjpbM10sImRhdGFfb2Zmc2V0cyI6WzQwLDQ2XX0sImhhbGYiOnsiZHR5" +
  "cGUiOiJGMTYiLCJzaGFwZSI6WzddLCJkYXRhX29mZnNldHMiOls0Niw2MF19fSAHAAAAAAAAAAEAAAAAAOD/mpmZmZmZuT8AAMA/AAAAwM3MzD37////" +
  "gD9JwEpxADxVtf97AQAAfACAAAQ=";

test("reads every number type of a file that Python wrote", async () => {
  writeFileSync(path, Buffer.from(FROM_PYTHON, "base64"));
  const tensors = await readSafetensors(path);
  const read = (name: string) => [tensors.get(name)!.shape, [...tensors.get(name)!.values]];
  expect(read("a")).toEqual([
    [1, 3],
    [1.5, -2, Math.fround(0.1)],
  ]);
  expect(read("double")).toEqual([[1], [0.1]]);
  expect(read("brain")).toEqual([[3], [1, -3.140625, Math.fround(1.0002555517425873e30)]]);
  expect(read("half")).toEqual([[7], [1, -0.333251953125, 65504, 2 ** -24, Infinity, -0, 2 ** -14]]);
  expect(read("ids")).toEqual([
    [2, 1],
    [7, -9007199254740991],
  ]);
  expect(read("small")).toEqual([[], [-5]]);
  expect(tensors.size).toBe(6);
});

test("a file cut short anywhere is an error of the user that names it, never a wrong tensor", async () => {
  const whole = Buffer.from(FROM_PYTHON, "base64");
  for (let length = 0; length < whole.length; length += 13) {
    writeFileSync(path, whole.subarray(0, length));
    await expect(readSafetensors(path), `${length} bytes`).rejects.toThrow(UserError);
    await expect(readSafetensors(path)).rejects.toThrow(path);
  }
});

test.each<[what: string, make: () => string, message: string]>([
  ["a missing file", () => join(folder, "none"), "cannot be read (ENOENT)"],
  ["a folder", () => folder, "cannot be read (EISDIR)"],
  [
    "what torch.save writes",
    () => plain("PK\x03\x04\0\0\b\b\0\0"),
    "it is a zip archive, as written by torch.save",
  ],
  ["a pointer", () => plain("version https://git-lfs.github.com/spec/v1\n"), "git lfs pull"],
  ["text", () => file("weights"), "the header is not JSON"],
  ["a list", () => file([1]), "the header is not a JSON object"],
  ["null", () => file("null"), "the header is not a JSON object"],
  [
    "a tensor without a shape",
    () => file({ a: { dtype: "F32", data_offsets: [0, 4] } }, [0, 0, 0, 0]),
    "a has no",
  ],
  ["a negative offset", () => file({ a: entry("F32", [1], -4, 0) }), "a has no"],
  [
    "an unknown type",
    () => file({ a: entry("F8_E4M3", [1], 0, 1) }, [0]),
    "a has dtype F8_E4M3; supported: F64, F32, F16",
  ],
  [
    "fewer bytes than the shape",
    () => file({ a: entry("F32", [3], 0, 8) }, Array(8).fill(0)),
    "8 bytes where F32[3]",
  ],
  [
    "more bytes than the shape",
    () => file({ a: entry("F32", [1], 0, 8) }, Array(8).fill(0)),
    "8 bytes where F32[1]",
  ],
  ["half a number", () => file({ a: entry("F32", [1], 0, 3) }, [0, 0, 0]), "3 bytes where F32[1] needs 4"],
  ["one byte read twice", () => file(pair([0, 4], [0, 4]), zeros(4)), "b overlaps a"],
  ["a part read twice", () => file(pair([0, 4], [2, 6]), zeros(6)), "b overlaps a"],
  ["a gap", () => file(pair([0, 4], [8, 12]), zeros(12)), "4 bytes between a and b belong to no tensor"],
  [
    "a gap at the start",
    () => file({ a: entry("F32", [1], 4, 8) }, zeros(8)),
    "4 bytes between the header and a",
  ],
  [
    "bytes after the last",
    () => file({ a: entry("F32", [1], 0, 4) }, zeros(5)),
    "1 bytes after a belong to no",
  ],
  ["bytes and no tensor", () => file({}, [0]), "1 bytes after the header"],
  [
    "an empty tensor inside another",
    () => file({ a: entry("F32", [1], 0, 4), b: entry("F32", [0], 2, 2) }, zeros(4)),
    "b overlaps a",
  ],
  ["a name twice", () => file(`{"a":${ONE},"a":${ONE}}`, zeros(4)), 'the key "a" is given twice'],
  [
    "a name twice, written otherwise",
    () => file(`{"a":${ONE},"\\u0061" :${ONE}}`, zeros(4)),
    'the key "a" is given twice',
  ],
  [
    "a field twice",
    () => file(`{"a":${ONE.replace("{", '{"dtype":"F64",')}}`, zeros(4)),
    '"dtype" is given twice',
  ],
  [
    "a shape in floating point",
    () => file(`{"a":${ONE.replace("[1]", "[1.0]")}}`, zeros(4)),
    "a has no valid",
  ],
  [
    "an offset as a power of ten",
    () => file(`{"a":${ONE.replace("[1]", "[1e0]")}}`, zeros(4)),
    "a has no valid",
  ],
  ["three offsets", () => file(`{"a":${ONE.replace("0,4", "0,4,4")}}`, zeros(4)), "a has no valid"],
  [
    "metadata that is a number",
    () => file({ __metadata__: { step: 7 } }),
    '__metadata__ has "step", which is not',
  ],
  [
    "metadata that is nested",
    () => file({ __metadata__: { a: { b: "c" } } }),
    '__metadata__ has "a", which is not',
  ],
  ["metadata that is text", () => file({ __metadata__: "pt" }), "__metadata__ is not an object of strings"],
  ["a header behind a byte order mark", () => file(`\ufeff{"a":${ONE}}`, zeros(4)), "the header is not JSON"],
  ["bytes behind the header's JSON", () => file(`{"a":${ONE}}\0`, zeros(4)), "the header is not JSON"],
  [
    "more elements than memory",
    () => file({ a: entry("F32", [2 ** 35], 0, 2 ** 37) }, zeros(4)),
    "a ends at byte",
  ],
  [
    "more elements than numbers",
    () => file({ a: entry("F32", [2 ** 40, 2 ** 40], 0, 4) }, zeros(4)),
    "a has 4 bytes where",
  ],
  ["an end beyond the file", () => file({ a: entry("F32", [1], 0, 4) }, [0]), "a ends at byte"],
])("%s is refused in one line", async (_, make, message) => {
  const error = await readSafetensors(make()).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(UserError);
  expect((error as Error).message).toContain(message);
  expect((error as Error).message).not.toContain("\n");
});

test("tensors in any order of the header, empty ones and odd metadata are read as the reference reads them", async () => {
  const header = {
    __metadata__: null,
    b: entry("F32", [1], 4, 8),
    none: entry("F32", [0, 3], 4, 4),
    a: entry("F32", [1], 0, 4),
    end: entry("I64", [0], 8, 8),
  };
  const body = [...new Uint8Array(Float32Array.of(1, 2).buffer)];
  const tensors = await readSafetensors(file(`  ${JSON.stringify(header)}\n\t `, body));
  expect([...tensors].map(([name, { values }]) => [name, ...values])).toEqual([
    ["b", 2],
    ["none"],
    ["a", 1],
    ["end"],
  ]);
});

test("a header that is not UTF-8 is refused", async () => {
  const header = Buffer.from(`{"a\xff":${ONE}}`, "latin1");
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  writeFileSync(path, Buffer.concat([length, header, Buffer.alloc(4)]));
  await expect(readSafetensors(path)).rejects.toThrow(/the header is not JSON/);
});

test("whatever offsets three tensors are given, they are read only where every byte is one tensor's", async () => {
  const offset = fc.integer({ min: 0, max: 5 });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(offset, offset), { maxLength: 3 }), offset, async (places, end) => {
      const header = Object.fromEntries(
        places.map(([at, n], i) => [`t${i}`, entry("F32", [n], 4 * at, 4 * (at + n))]),
      );
      const owners = Array(12).fill(0);
      for (const [at, n] of places) for (let i = at; i < at + n; i++) owners[i]++;
      const inside = places.some(
        ([at, n]) => n === 0 && (at > end || (at > 0 && !places.some(([b, m]) => b + m === at && m > 0))),
      );
      const sound = owners.every((n, i) => n === (i < end ? 1 : 0)) && !inside;
      const read = readSafetensors(file(header, zeros(4 * end))).then(
        () => true,
        (error: unknown) => !(error instanceof UserError),
      );
      expect(await read).toBe(sound);
    }),
    { numRuns: 400 },
  );
});
