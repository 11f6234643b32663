/** How fast this machine trains: floating-point operations per second of a few real steps of a stand-in model. */
import { performance } from "node:perf_hooks";
import type { Engine } from "../backends/backend.ts";
import { gradientGraph, type ModelSpec } from "../model/graphs.ts";
import { plan } from "../plan/plan.ts";

/** About 13 GFLOP a step: a second or less on two cores, and wide enough to be representative. */
const STAND_IN: ModelSpec = {
  norm: { name: "pre" },
  model: {
    d_model: 256,
    n_layers: 4,
    n_heads: 4,
    n_kv_heads: 4,
    head_dim: 64,
    ffn_dim: 688,
    vocab_size: 1024,
    seq_len: 128,
    rope_theta: 10000,
    norm_type: "rmsnorm",
    norm_eps: 1e-5,
    tie_embeddings: false,
  },
};

/** A step as slow as this, in ms, tells enough by itself. */
const SLOW = 5000;

/** FLOP/s of forward and backward, the best of `repeats` steps after one to warm up. */
export async function measureSpeed(
  engine: Engine,
  threads: number | undefined,
  repeats = 3,
): Promise<number> {
  const batch = 4;
  const device = await engine.open({ threads });
  try {
    const { graph } = gradientGraph(STAND_IN, { batch, nativeOps: engine.nativeOps });
    const planned = plan(graph, engine.bytes);
    const program = await device.compile(planned);
    const tokens = batch * STAND_IN.model.seq_len;
    const ids = Int32Array.from({ length: tokens }, (_, i) => (i * 7919) % STAND_IN.model.vocab_size);
    const feeds = { ids, targets: ids, weights: new Float32Array(tokens).fill(1 / tokens) };
    let best = Infinity;
    for (let i = 0, slow = false; i <= repeats && !slow; i++) {
      const start = performance.now();
      await program.run(feeds);
      const taken = performance.now() - start;
      slow = taken > SLOW;
      if (i > 0 || slow) best = Math.min(best, taken);
    }
    return planned.flops / (best / 1000);
  } finally {
    await device.close();
  }
}
