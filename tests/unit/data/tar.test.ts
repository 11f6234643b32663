import { expect, test } from "vitest";
import { tarFiles } from "../../../src/data/tar.ts";
import { tarEntry } from "./fixtures.ts";

const END = Buffer.alloc(1024);
const read = (...entries: Buffer[]) =>
  [...tarFiles(Buffer.concat([...entries, END]))].map((file) => [file.path, file.bytes.toString()]);
const pax = (path: string) => {
  const body = ` path=${path}\n`;
  const length = body.length + String(body.length + 2).length;
  return tarEntry("PaxHeader", Buffer.from(`${length}${body}`), "x");
};

test("files of any length, folders left out", () => {
  const exact = "x".repeat(512);
  const entries = [
    tarEntry("p/a", Buffer.from("abc")),
    tarEntry("p/", Buffer.alloc(0), "5"),
    tarEntry("p/b", Buffer.from(exact)),
  ];
  expect(read(...entries, tarEntry("p/empty", Buffer.alloc(0)))).toEqual([
    ["p/a", "abc"],
    ["p/b", exact],
    ["p/empty", ""],
  ]);
});

test("long paths: ustar prefix, pax record, GNU long name, each for its own entry only", () => {
  const long = `package/${"d".repeat(90)}/${"f".repeat(40)}.txt`;
  const body = Buffer.from("t");
  expect(read(tarEntry(long, body))).toEqual([[long, "t"]]);
  expect(read(pax(long), tarEntry("short", body), tarEntry("next", body))).toEqual([
    [long, "t"],
    ["next", "t"],
  ]);
  expect(read(tarEntry("././@LongLink", Buffer.from(`${long}\0`), "L"), tarEntry("short", body))).toEqual([
    [long, "t"],
  ]);
});

test("a flipped header byte and a cut archive are noticed", () => {
  const entry = tarEntry("a", Buffer.from("abc"));
  const flipped = Buffer.from(entry);
  flipped[3] = 65;
  expect(() => read(flipped)).toThrow("no tar header at byte 0");
  expect(() => [...tarFiles(tarEntry("a", Buffer.alloc(2000)).subarray(0, 1024))]).toThrow(
    "ends inside the entry",
  );
});
