/** DONE: checksums of what was written, by which every later change is found. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { sha256 } from "../../../src/lib/hash.ts";
import { causeOf } from "../../../src/runs/causes.ts";
import { checkFiles, doneText, weightsDigest } from "../../../src/runs/done-file.ts";

let dir = "";
const put = (name: string, text: string) => writeFileSync(join(dir, name), text);
const METRICS = "step,loss\n1,2.5\n";
const tables = { "metrics.csv": { bytes: METRICS.length, sha256: sha256(METRICS) } };
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "hnorm-done-"));
  put("config.resolved.json", "{}\n");
  put("status.json", '{"state": "done"}\n');
  put("metrics.csv", METRICS);
  put("weights.safetensors", "weights");
});
afterEach(() => rmSync(dir, { recursive: true }));

test("it lists every result file, as sha256sum checks them", async () => {
  const text = await doneText(dir, "done", tables);
  put("DONE", text);
  expect(text.split("\n").map((line) => line.slice(66))).toEqual([
    ...["", "config.resolved.json", "metrics.csv", "status.json", "weights.safetensors", "DONE", ""],
  ]);
  expect(await checkFiles(dir)).toEqual([]);
  expect(weightsDigest(dir)).toBe(sha256("weights"));
  const command = "tail -n +2 DONE | head -n -1 | sha256sum --check --quiet";
  expect(execFileSync("bash", ["-c", command], { cwd: dir, encoding: "utf8" })).toBe("");
});

test("a table that the disk has other than it was written finishes no run: the disk's fault", async () => {
  put("metrics.csv", METRICS.replace("2.5", "2.6"));
  const error = await doneText(dir, "done", tables).catch((thrown) => thrown);
  expect(error.message).toContain("metrics.csv: the disk has other bytes than were written to it");
  expect(causeOf(error)).toBe("disk");
});

test("a byte that changes anywhere in it, or an end that is cut, is found", async () => {
  const text = await doneText(dir, "done", tables);
  for (let at = 0; at < text.length; at++) {
    const bytes = Buffer.from(text);
    bytes[at]! ^= 1;
    writeFileSync(join(dir, "DONE"), bytes);
    expect(await checkFiles(dir, { weights: false }), `byte ${at}`).toEqual([
      { file: "DONE", what: "changed" },
    ]);
    put("DONE", text.slice(0, at));
    if (at !== "done\n".length) expect(await checkFiles(dir), `length ${at}`).toHaveLength(1);
  }
});

test("weights are read only where that is asked for; a link to the same bytes is not the file", async () => {
  put("DONE", await doneText(dir, "done", tables));
  put("weights.safetensors", "heavier");
  expect(await checkFiles(dir, { weights: false })).toEqual([]);
  expect(await checkFiles(dir)).toEqual([{ file: "weights.safetensors", what: "changed" }]);
  put("weights.safetensors", "weights");
  put("elsewhere", readFileSync(join(dir, "metrics.csv"), "utf8"));
  rmSync(join(dir, "metrics.csv"));
  symlinkSync(join(dir, "elsewhere"), join(dir, "metrics.csv"));
  expect(await checkFiles(dir)).toEqual([{ file: "metrics.csv", what: "changed" }]);
});

test("one without checksums, of a former version, is told from one that is broken", async () => {
  put("DONE", "done\n");
  expect(await checkFiles(dir)).toBe("unchecked");
  put("status.json", "null");
  expect(await checkFiles(dir)).toEqual([{ file: "status.json", what: "changed" }]);
  rmSync(join(dir, "weights.safetensors"));
  put("DONE", "diverged\n");
  put("status.json", '{"state": "diverged"}\n');
  expect(await checkFiles(dir)).toBe("unchecked");
});
