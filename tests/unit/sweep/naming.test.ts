/** Names of runs: readable, safe for file systems, never the same for two runs. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { nameRuns } from "../../../src/sweep/naming.ts";

const ID = "3f9c2a1b".padEnd(64, "0");
const name = (factors: Readonly<Record<string, unknown>>, id = ID) => nameRuns([{ id, factors }])[0];

test.each([
  [{}, "run-3f9c2a1b"],
  [{ norm: "hybrid-star" }, "hybrid-star-3f9c2a1b"],
  [
    { norm: { name: "mix-ln", alpha: 0.25 }, "train.lr": 5e-4, "train.seed": 2 },
    "mix-ln-alpha0.25-lr0.0005-seed2-3f9c2a1b",
  ],
  [
    { norm: { name: "placement", attn: "none", inner: "qkv", ffn: "post" } },
    "placement-none-qkv-post-3f9c2a1b",
  ],
  [{ "model.preset": "dense-550m", "train.grad_clip": null }, "dense-550m-grad_clip-none-3f9c2a1b"],
  [{ "model.tie_embeddings": true, "train.lr": 1e-7 }, "tie_embeddings-true-lr1e-7-3f9c2a1b"],
  [{ "train.no_decay": ["embedding", "norm"] }, "no_decay-embedding-norm-3f9c2a1b"],
  [{ "data.source.train": "../a b/*.txt" }, "_a_b_.txt-3f9c2a1b"],
])("%j is %s", (factors, expected) => expect(name(factors)).toBe(expected));

test("ids that begin alike are told apart by more of them", () => {
  const runs = [
    { id: ID, factors: { norm: "pre" } },
    { id: `${"3f9c2a1b".padEnd(63, "0")}1`, factors: { norm: "pre" } },
  ];
  const names = nameRuns(runs);
  expect(new Set(names).size).toBe(2);
});

test("any factors make safe and different names", () => {
  const value = fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.constant(null), fc.array(fc.string()));
  const factors = fc.dictionary(
    fc.string({ minLength: 1 }),
    fc.oneof(value, fc.dictionary(fc.string(), value)),
  );
  const id = fc
    .array(fc.constantFrom("a", "0"), { minLength: 64, maxLength: 64 })
    .map((digits) => digits.join(""));
  const runs = fc.uniqueArray(fc.record({ id, factors }), {
    selector: (run) => run.id,
    minLength: 1,
    maxLength: 20,
  });
  fc.assert(
    fc.property(runs, (some) => {
      const names = nameRuns(some);
      expect(new Set(names.map((text) => text.toLowerCase())).size).toBe(some.length);
      for (const text of names) {
        expect(text).toMatch(/^[A-Za-z0-9_+][A-Za-z0-9._+-]*$/);
        expect(text.length).toBeLessThanOrEqual(210);
      }
    }),
  );
});
