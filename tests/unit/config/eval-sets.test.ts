/** `eval.sets`: other validation sets and protocols, as they are written and as they come out. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadSweep } from "../../../src/sweep/expand.ts";
import { complaint as fileComplaint, folderOf, GOOD } from "./files.ts";

const load = (...overrides: readonly string[]) =>
  loadSweep(join(folderOf({ "x.yaml": GOOD }), "x.yaml"), ["model.seq_len=256", ...overrides]).runs[0]!;
const complaint = (override: string): string => {
  try {
    load(override);
  } catch (error) {
    return (error as Error).message;
  }
  return "no complaint";
};

test("a set has the usual protocol, the corpus's own split and eval.tokens, unless it says otherwise", () => {
  const { config } = load(
    "eval.tokens=1024",
    "eval.sets={a: {tokens: 8}, b: {protocol: galore-256}, c: {source: {name: c4, validation: v.json}}}",
  );
  expect(config.eval.sets).toEqual({
    a: { protocol: { name: "packed-v1" }, tokens: 8 },
    b: { protocol: { name: "galore-256", batch_size: 256, plus_one: true }, tokens: 1024 },
    c: { protocol: { name: "packed-v1" }, source: { name: "c4", validation: "v.json" }, tokens: 1024 },
  });
  expect(load().config.eval).not.toHaveProperty("sets");
});

test("what is said in full has the id of what is left out", () => {
  const short = load("eval.sets={a: {protocol: galore-256}}");
  const full = load(
    "eval.sets={a: {protocol: {name: galore-256, plus_one: true, batch_size: 256}, tokens: 131072}}",
  );
  expect(full.id).toBe(short.id);
  expect(load("eval.sets={a: {protocol: {name: galore-256, plus_one: false}}}").id).not.toBe(short.id);
  expect(load("eval.sets={b: {protocol: galore-256}}").id).not.toBe(short.id);
});

test.each([
  ["eval.sets={validation: {}}", /eval\.sets\.validation: .*other than validation/],
  ["eval.sets={a b: {}}", /eval\.sets\.a b: expected a name of letters/],
  [
    "eval.sets={a: {protocol: galore}}",
    /eval\.sets\.a\.protocol: unknown protocol, got "galore"; allowed: packed-v1, galore-256/,
  ],
  ["eval.sets={a: {source: {name: c4}}}", /eval\.sets\.a\.source\.validation: missing/],
  [
    "eval.sets={a: {source: {name: c4, validation: 'hf://x'}}}",
    /source\.validation: got "hf:\/\/x"; expected hf:/,
  ],
  ["eval.sets=c4", /eval\.sets=c4: expected a mapping of names to evaluation sets, got "c4"/],
])("%s is refused", (override, message) => expect(complaint(override)).toMatch(message));

test("a model of shorter sequences than a protocol predicts is told so before any data is read", () => {
  const yaml = `${GOOD}eval:\n  sets:\n    published: { protocol: galore-256 }\n`;
  expect(fileComplaint(yaml, ["model.seq_len=64"])).toMatch(
    /^x\.yaml:\d+:28 eval\.sets\.published\.protocol: galore-256 predicts up to the 256th .*model\.seq_len is 64; train with/,
  );
  expect(complaint("eval.sets={late: {protocol: {name: next-token-accuracy, min_context: 257}}}")).toMatch(
    /eval\.sets\.late\.protocol: no token of a window has 257 tokens before it: model\.seq_len is 256/,
  );
  expect(complaint("eval.sets={late: {protocol: {name: next-token-accuracy, min_context: 256}}}")).toBe(
    "no complaint",
  );
});
