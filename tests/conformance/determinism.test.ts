/** The same step gives the same bits: again and again, and on any number of threads. */
import { describe, expect, test } from "vitest";
import { gradientGraph, gradientOf, type ModelSpec } from "../../src/model/graphs.ts";
import { moeSchema } from "../../src/model/schema.ts";
import { plan } from "../../src/plan/plan.ts";
import { engines } from "./engines.ts";
import { batchOf, gradients, nano, openWith } from "./nano.ts";

/** Large enough that ONNX Runtime shares the work between threads; few tokens, so that most come many times. */
const spec: ModelSpec = {
  model: { ...nano, d_model: 64, ffn_dim: 96, vocab_size: 300, seq_len: 64 },
  norm: { name: "hybrid-star" },
};
const mixture: ModelSpec = {
  ...spec,
  model: { ...spec.model, ffn_dim: 32, moe: moeSchema.parse({ n_experts: 8, top_k: 2 }) },
};
const specs = [
  ["dense", spec],
  ["a mixture of experts", mixture],
] as const;
const BATCH = 4;
const REPEATS = 24;

describe.each(engines.filter((e) => e.name !== "reference"))("$name: $detail", ({ engine }) => {
  const given = test.skipIf(engine === undefined);

  given.each(specs)(`%s: ${REPEATS} runs on two threads are one`, async (_, spec) => {
    const device = await openWith(engine!, spec, { threads: 2 });
    const { graph, parameters } = gradientGraph(spec, { batch: BATCH, nativeOps: engine!.nativeOps });
    const program = await device.compile(plan(graph, engine!.bytes));
    const feeds = batchOf(spec.model, BATCH);
    const run = async () => {
      const { loss } = await program.run(feeds);
      return [loss!, ...parameters.map((p) => device.read(gradientOf(p.name)))].map(bits);
    };
    const first = await run();
    for (let i = 1; i < REPEATS; i++) expect((await run()).every((b, j) => b.equals(first[j]!))).toBe(true);
    await device.close();
  });

  given.each(specs)("%s: one thread and two agree to the bit", async (_, spec) => {
    const one = await gradients(engine!, spec, BATCH, { threads: 1 });
    const two = await gradients(engine!, spec, BATCH, { threads: 2 });
    for (const [name, values] of one) expect(bits(two.get(name)!).equals(bits(values)), name).toBe(true);
  });
});

/**
 * Shapes at which ONNX Runtime shares a product's columns or a few odd rows between threads: fewer tokens than columns,
 * more than 128 terms, one layer being enough to show it.
 */
const wide = { ...nano, n_layers: 1, d_model: 160, ffn_dim: 432, vocab_size: 300, seq_len: 64 };
const shared: Readonly<Record<string, { readonly spec: ModelSpec; readonly batch: number }>> = {
  "64 tokens, width 160": { spec: { model: wide, norm: { name: "hybrid-star" } }, batch: 1 },
  "333 tokens, width 256": {
    spec: { model: { ...wide, d_model: 256, ffn_dim: 512, seq_len: 111 }, norm: { name: "pre" } },
    batch: 3,
  },
  "heads of 192": {
    spec: { model: { ...wide, d_model: 384, n_heads: 2, seq_len: 130 }, norm: { name: "peri" } },
    batch: 1,
  },
  // The loss takes 107 tokens at a time.
  "a large vocabulary": {
    spec: { model: { ...wide, vocab_size: 2 ** 13, seq_len: 107 }, norm: { name: "pre" } },
    batch: 5,
  },
  "a mixture of experts": {
    spec: {
      model: {
        ...wide,
        d_model: 256,
        ffn_dim: 144,
        moe: moeSchema.parse({ n_experts: 8, top_k: 2, shared_expert: 96, renormalize: true }),
      },
      norm: { name: "hybrid-star" },
    },
    batch: 3,
  },
};

describe("cpu, where threads share products", () => {
  const { engine } = engines.find((e) => e.name === "cpu")!;
  const given = test.skipIf(engine === undefined);

  given.each(Object.entries(shared))(
    "%s: one thread, two, three and four agree to the bit",
    async (_, it) => {
      const one = await gradients(engine!, it.spec, it.batch, { threads: 1 });
      for (const threads of [2, 3, 4]) {
        const several = await gradients(engine!, it.spec, it.batch, { threads });
        const differ = [...one].flatMap(([name, x]) =>
          bits(several.get(name)!).equals(bits(x)) ? [] : [name],
        );
        expect(differ, `${threads} threads`).toEqual([]);
      }
    },
  );
});

const bits = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
