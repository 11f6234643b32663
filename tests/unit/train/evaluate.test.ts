import { expect, test } from "vitest";
import { reference } from "../../../src/backends/reference/reference.ts";
import type { Corpus } from "../../../src/data/corpus.ts";
import { evaluationGraph } from "../../../src/model/graphs.ts";
import { plan } from "../../../src/plan/plan.ts";
import type { LIKELIHOOD } from "../../../src/protocols/likelihood.ts";
import { packedV1 } from "../../../src/protocols/packed-v1.ts";
import { evaluate } from "../../../src/train/evaluate.ts";
import { initialize } from "../../../src/train/initialize.ts";
import { expectClose } from "../close.ts";
import { configOf, corpusOf } from "./markov-run.ts";

const config = configOf({ norm: { name: "hybrid" } });
const { seq_len: seqLen } = config.model;

/** Validation of the untrained model over 7 windows, `batch` at a time. */
async function evaluated(batch: number) {
  const bounds = { seqLen, maxTokens: 7 * seqLen };
  const windows = (await corpusOf(config)).validation(bounds.seqLen, bounds.maxTokens);
  const corpus = { validation: () => ({ ...windows, utf8Bytes: 100 }) } as unknown as Corpus;
  const slice = packedV1.slice(corpus, bounds, {});
  const device = await reference.open({});
  const { graph, parameters } = evaluationGraph(config, { batch });
  initialize(device, parameters, config.model, { name: "normal", std: 1 }, 1);
  const program = await device.compile(plan(graph));
  return { slice, result: await evaluate(program, slice, batch), program };
}

test("every token counts once, however the windows fall into batches", async () => {
  const one = (await evaluated(1)).result;
  for (const batch of [2, 3, 7, 10])
    expectClose([(await evaluated(batch)).result.scores.loss!], [one.scores.loss!]);
});

test("the loss is the mean over all predicted tokens; perplexity and bits per byte follow from it", async () => {
  const { slice, program, result } = await evaluated(1);
  let nats = 0;
  for (let i = 0; i < slice.rows; i++) {
    const window = slice.row(i);
    const feeds = {
      ids: window.slice(0, seqLen),
      targets: window.slice(1),
      weights: new Float64Array(seqLen).fill(1),
    };
    nats += (await program.run(feeds)).loss![0]!;
  }
  expect(slice.rows).toBe(7);
  expect(result.tokens).toBe(7 * seqLen);
  const { loss, ppl, bits_per_byte } = result.scores as Record<keyof typeof LIKELIHOOD, number>;
  expectClose([loss], [nats / (7 * seqLen)]);
  expectClose([ppl], [Math.exp(loss)]);
  expectClose([bits_per_byte], [nats / Math.log(2) / 100]);
  expect(result.bytes).toBe(100);
});
