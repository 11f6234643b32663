/** What each protocol predicts, and what it makes of the losses. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { reference } from "../../../src/backends/reference/reference.ts";
import type { Corpus } from "../../../src/data/corpus.ts";
import { inMemory } from "../../../src/data/token-sequence.ts";
import { documentsIn } from "../../../src/data/validation-documents.ts";
import { evaluationGraph } from "../../../src/model/graphs.ts";
import { plan } from "../../../src/plan/plan.ts";
import { galore256 } from "../../../src/protocols/galore-256.ts";
import { protocolLabel, protocols, sliceOf } from "../../../src/protocols/index.ts";
import type { GroupLoss, Rows, Slice } from "../../../src/protocols/protocol.ts";
import { evaluate } from "../../../src/train/evaluate.ts";
import { initialize } from "../../../src/train/initialize.ts";
import { expectClose } from "../close.ts";
import { configOf, corpusOf } from "../train/markov-run.ts";

const EOS = 3;
/** Three ids and the end token; an id stands for as many bytes as its number says. */
const BYTES = [1, 2, 3, 0];

/** A corpus of documents with these lengths, whose ids count 0, 1, 2, 0, ... from the document's number on. */
function corpusWith(lengths: readonly number[]): Corpus {
  const documents = lengths.map((length, d) => Array.from({ length }, (_, i) => (d + i) % 3));
  const row = inMemory(Uint16Array.from(documents.flatMap((ids) => [...ids, EOS])));
  const facts = {
    tokens: row,
    eos: EOS,
    byteLengths: BYTES,
    lengths: () => lengths.map((length) => length + 1),
  };
  return { vocabSize: 4, validationDocuments: documentsIn(facts) } as unknown as Corpus;
}

const galore = (corpus: Corpus, params: object = {}, maxTokens = 1e9) =>
  galore256.slice(corpus, { seqLen: 256, maxTokens }, galore256.params.parse(params));
const rowsOf = (slice: Rows) => Array.from({ length: slice.rows }, (_, i) => [...slice.row(i)]);

const lossOf = (slice: Slice, groups: readonly GroupLoss[]) =>
  "scoreGroups" in slice ? slice.scoreGroups(groups).loss : undefined;

describe("galore-256", () => {
  test("takes each document by itself, cut to 255 tokens, and always closes it", () => {
    const slice = galore(corpusWith([2, 254, 255, 256, 1000]));
    expect(rowsOf(slice).map(({ length }) => length)).toEqual([3, 255, 256, 256, 256]);
    expect(rowsOf(slice).every((row) => row.at(-1) === EOS)).toBe(true);
    expect(rowsOf(slice)[0]).toEqual([0, 1, EOS]);
    expect(rowsOf(slice)[4]!.slice(0, 3)).toEqual([1, 2, 0]);
    expect(slice.seqLen).toBe(255);
  });

  test("predicts all but each document's first token, and counts the bytes of what it predicts", () => {
    const slice = galore(corpusWith([2, 3]));
    expect(slice.tokens).toBe(2 + 3);
    expect(slice.utf8Bytes).toBe(2 + (3 + 1)); // of 0 1 | and of 1 2 0 |
  });

  test("takes whole batches until they have more tokens than the bound", () => {
    const corpus = corpusWith([3, 3, 3, 3, 3]);
    expect(galore(corpus, { batch_size: 2 }, 7).rows).toBe(2);
    expect(galore(corpus, { batch_size: 2 }, 8).rows).toBe(4);
    expect(galore(corpus, { batch_size: 2 }, 15).rows).toBe(4);
    expect(galore(corpus, { batch_size: 2 }, 16).rows).toBe(5); // the last batch is what is left
  });

  test("is the mean of batch means, over one more than there are where the published one is asked for", () => {
    const groups = [
      { nats: 10, tokens: 5 },
      { nats: 40, tokens: 10 },
    ];
    const corpus = corpusWith([5]);
    expect(lossOf(galore(corpus), groups)).toBe((2 + 4) / 3);
    expect(lossOf(galore(corpus, { plus_one: false }), groups)).toBe((2 + 4) / 2);
  });

  test("has a checksum that tells documents apart which only their ends divide", () => {
    const hashes = [[4, 4], [8], [4, 4]].map((lengths) => galore(corpusWith(lengths)).sha256);
    expect(hashes[0]).toBe(hashes[2]);
    expect(hashes[0]).not.toBe(hashes[1]);
  });

  test("refuses a source without documents and a model of shorter sequences", async () => {
    const config = configOf();
    const bounds = { seqLen: 256, maxTokens: 100 };
    const markov = await corpusOf(config);
    expect(() => sliceOf({ name: "galore-256" }, markov, bounds)).toThrow(
      /needs documents, and this source has none/,
    );
    expect(() => sliceOf({ name: "galore-256" }, corpusWith([3]), { ...bounds, seqLen: 128 })).toThrow(
      /model.seq_len is 128; train with at least 256/,
    );
    expect(() => galore(corpusWith([]))).toThrow(/no documents/);
  });

  test("on a model: as if every document were alone, whatever the engine's batch", async () => {
    const config = configOf({ model: { seq_len: 256 }, norm: { name: "hybrid" } });
    const slice = galore(corpusWith([2, 7, 300, 30, 1]), { batch_size: 3, plus_one: false });
    const device = await reference.open({});
    const { graph, parameters } = evaluationGraph(config, { batch: 2, seqLen: slice.seqLen });
    initialize(device, parameters, config.model, { name: "normal", std: 1 }, 1);
    const program = await device.compile(plan(graph));
    const result = await evaluate(program, slice, 2);

    const alone: { nats: number; tokens: number }[] = [];
    for (const row of rowsOf(slice)) {
      const seqLen = row.length - 1;
      const single = await device.compile(plan(evaluationGraph(config, { batch: 1, seqLen }).graph));
      const feeds = { ids: Int32Array.from(row.slice(0, -1)), targets: Int32Array.from(row.slice(1)) };
      const { loss } = await single.run({ ...feeds, weights: new Float64Array(seqLen).fill(1) });
      alone.push({ nats: loss![0]!, tokens: seqLen });
    }
    const mean = (from: number, to: number) => {
      const group = alone.slice(from, to);
      return group.reduce((sum, g) => sum + g.nats, 0) / group.reduce((sum, g) => sum + g.tokens, 0);
    };
    expectClose([result.scores.loss!], [(mean(0, 3) + mean(3, 5)) / 2]);
    const nats = alone.reduce((sum, g) => sum + g.nats, 0);
    expectClose([result.scores.bits_per_byte!], [nats / Math.LN2 / slice.utf8Bytes]);
    expect(result.tokens).toBe(slice.tokens);
  });
});

const documentsOf = (documents: readonly (readonly number[])[], more: object = {}) =>
  documentsIn({
    tokens: inMemory(Uint16Array.from(documents.flatMap((ids) => [...ids, EOS]))),
    eos: EOS,
    byteLengths: BYTES,
    lengths: () => documents.map((ids) => ids.length + 1),
    ...more,
  });

test("documents end where their lengths say, though the end token stands in their midst or is missing", () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.nat(3), { maxLength: 9 }), { maxLength: 9 }),
      fc.nat(10),
      (documents, limit) => {
        const found = [...documentsOf(documents).first(limit)].map(({ ids }) => [...ids]);
        expect(found).toEqual(documents.map((ids) => ids.slice(0, limit)));
      },
    ),
  );
  const open = { tokens: inMemory(Uint16Array.of(0, 1, EOS, 2)), lengths: () => [3, 1] };
  expect([...documentsOf([], open).first(9)].map(({ ids }) => [...ids])).toEqual([[0, 1], [2]]);
  const lies = { tokens: inMemory(Uint16Array.of(0, 1)), lengths: () => [3] };
  expect(() => [...documentsOf([], lies).first(9)]).toThrow("document 0 ends at id 3 of 2");
});

test("an id's bytes are scaled to the text's: of its document, or of the split, where those were counted", () => {
  const documents = [
    [0, 1],
    [2, 2, 2, 2],
  ];
  const bytes = (more: object, limit = 9) =>
    [...documentsOf(documents, more).first(limit)].map(({ ids, bytesOf }) =>
      ids.reduce((sum, id) => sum + bytesOf(id), 0),
    );
  expect(bytes({})).toEqual([3, 12]);
  expect(bytes({ textBytes: [6, 4] })).toEqual([6, 4]);
  expect(bytes({ textBytes: [6, 4] }, 1)).toEqual([2, 1]);
  expect(bytes({ splitBytes: 30 })).toEqual([6, 24]);
});

test("a protocol's label names what differs from the usual", () => {
  expect(protocolLabel({ name: "packed-v1" })).toBe("packed-v1");
  expect(protocolLabel({ name: "galore-256", batch_size: 256, plus_one: true })).toBe("galore-256");
  expect(protocolLabel({ name: "galore-256", plus_one: false })).toBe("galore-256[plus_one=false]");
  for (const { params } of Object.values(protocols)) expect(params.safeParse({ x: 1 }).success).toBe(false);
});
