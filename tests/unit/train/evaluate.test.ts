import { expect, test } from "vitest";
import { reference } from "../../../src/backends/reference/reference.ts";
import { evaluationGraph } from "../../../src/model/graphs.ts";
import { plan } from "../../../src/plan/plan.ts";
import { packedV1 } from "../../../src/protocols/packed-v1.ts";
import { evaluate } from "../../../src/train/evaluate.ts";
import { initialize } from "../../../src/train/initialize.ts";
import { expectClose } from "../close.ts";
import { configOf, corpusOf } from "./markov-run.ts";

const config = configOf({ norm: { name: "hybrid" } });
const { seq_len: seqLen } = config.model;

/** Validation of the untrained model over 7 windows, `batch` at a time. */
async function evaluated(batch: number) {
  const slice = packedV1.slice(await corpusOf(config), { seqLen, maxTokens: 7 * seqLen }, {});
  const device = await reference.open({});
  const { graph, parameters } = evaluationGraph(config, { batch });
  initialize(device, parameters, config.model, { name: "normal", std: 1 }, 1);
  const program = await device.compile(plan(graph));
  return { slice, result: await evaluate(program, { ...slice, utf8Bytes: 100 }, batch), program };
}

test("every token counts once, however the windows fall into batches", async () => {
  const one = (await evaluated(1)).result;
  for (const batch of [2, 3, 7, 10]) expectClose([(await evaluated(batch)).result.loss], [one.loss]);
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
  expectClose([result.loss], [nats / (7 * seqLen)]);
  expectClose([result.ppl], [Math.exp(result.loss)]);
  expectClose([result.bitsPerByte], [nats / Math.log(2) / 100]);
  expect(result.bytes).toBe(100);
});
