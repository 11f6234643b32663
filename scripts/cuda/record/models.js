// Whole models: gradients against the reference, twenty steps beside it, and the same bits twice.
import { inDist, samples } from "../samples.js";

const NANO = {
  "pre, grouped queries": [{}, "pre"],
  "post, tied": [{ tie_embeddings: true }, "post"],
  "hybrid-star": [{}, "hybrid-star"],
  "qk-norm-full, one key head": [{ n_kv_heads: 1 }, "qk-norm-full"],
  "peri, layernorm": [{ norm_type: "layernorm" }, "peri"],
};
/** Wide enough for what small shapes do not reach: whole tiles, several blocks of rows, heads of 64 and 128. */
const WIDE = {
  "heads of 64": { d_model: 256, n_heads: 4, n_kv_heads: 2, seq_len: 192 },
  "heads of 128": { d_model: 256, n_heads: 2, n_kv_heads: 1, seq_len: 320 },
};
const wide = { n_layers: 2, ffn_dim: 688, vocab_size: 1024, norm_eps: 1e-5 };
const MOST_NANO = 0.25; // relative to the norm of a tensor's gradient; sharp ones of tiny models are the noisiest
const MOST_WIDE = 0.1;

/** ||a - b|| / ||b||. */
function distance(a, b) {
  let [off, whole] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    off += (a[i] - b[i]) ** 2;
    whole += b[i] ** 2;
  }
  const result = Math.sqrt(off / (whole || 1));
  return Number.isNaN(result) ? Number.POSITIVE_INFINITY : result;
}

/** body(engine); whatever that opened and left open is closed, so that a GPU that failed gets a new context. */
async function closing(body) {
  const { cuda } = await inDist("backends/cuda/cuda.js");
  const opened = [];
  const open = async (options) => {
    const device = await cuda.open(options);
    opened.push(device);
    return device;
  };
  try {
    return await body({ ...cuda, open });
  } finally {
    for (const device of opened) await device.close();
  }
}

async function gradientErrors(spec, batch, most) {
  const { reference } = await inDist("backends/reference/reference.js");
  const { gradients } = await samples();
  const got = await closing((cuda) => gradients(cuda, spec, batch));
  const want = await gradients(reference, spec, batch);
  const errors = [...want].map(([name, values]) => [name, distance(got.get(name), values)]);
  const [name, worst] = errors.reduce((a, b) => (b[1] > a[1] ? b : a));
  const sorted = errors.map(([, error]) => error).sort((a, b) => a - b);
  return { ok: worst <= most, worst, of: name, median: sorted[sorted.length >> 1] };
}

export async function gradients({ small, tell }) {
  const { completeModel, modelSchema } = await inDist("model/schema.js");
  const { nano } = await samples();
  const results = {};
  const guarded = async (title, body) => {
    try {
      results[title] = await body();
    } catch (cause) {
      results[title] = { ok: false, failed: cause.message.slice(0, 4000) };
    }
    tell({ ok: Object.values(results).every(({ ok }) => ok), results });
  };
  for (const [title, [changes, name]] of Object.entries(NANO)) {
    const spec = { model: { ...nano, ...changes }, norm: { name } };
    await guarded(title, () => gradientErrors(spec, 3, MOST_NANO));
  }
  for (const [title, fields] of Object.entries(small ? {} : WIDE)) {
    const model = completeModel(modelSchema.parse({ ...wide, ...fields }));
    await guarded(title, () => gradientErrors({ model, norm: { name: "pre" } }, 2, MOST_WIDE));
  }
  return { ok: Object.values(results).every(({ ok }) => ok), results };
}

/** The same four batches over and over. */
async function train(engine, spec, steps) {
  const { openWith, batchOf, update } = await samples();
  const { gradientGraph } = await inDist("model/graphs.js");
  const { plan } = await inDist("plan/plan.js");
  const device = await openWith(engine, spec);
  const { graph, parameters } = gradientGraph(spec, { batch: 2, nativeOps: engine.nativeOps });
  const gradient = await device.compile(plan(graph, engine.bytes));
  const { graph: end, feeds } = update(spec);
  const updates = await device.compile(plan(end, engine.bytes));
  const losses = [];
  for (let t = 1; t <= steps; t++) {
    losses.push((await gradient.run(batchOf(spec.model, 2, { seed: t % 4 }))).loss[0]);
    await updates.run(feeds(t));
  }
  const weights = parameters.map(({ name }) => device.read(name));
  await device.close();
  return { losses, weights };
}

const bytesOf = (values) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);
const sameBits = (a, b) =>
  a.losses.every((loss, i) => loss === b.losses[i]) &&
  a.weights.every((values, i) => bytesOf(values).equals(bytesOf(b.weights[i])));

export async function curve({ small, tell }) {
  const { cuda } = await inDist("backends/cuda/cuda.js");
  const { reference } = await inDist("backends/reference/reference.js");
  const { nano } = await samples();
  const spec = { model: nano, norm: { name: "pre" } };
  const first = await train(cuda, spec, 20);
  tell({ losses: first.losses });
  const second = await train(cuda, spec, 20);
  const want = await train(reference, spec, 20);
  const off = Math.max(...first.losses.map((loss, i) => Math.abs(loss / want.losses[i] - 1)));
  let same = sameBits(first, second);
  if (!small) {
    const { completeModel, modelSchema } = await inDist("model/schema.js");
    const model = completeModel(modelSchema.parse({ ...wide, ...WIDE["heads of 64"] }));
    const one = await train(cuda, { model, norm: { name: "pre" } }, 20);
    same &&= sameBits(one, await train(cuda, { model, norm: { name: "pre" } }, 20));
  }
  return {
    ok: off < 0.01 && same,
    largest_relative_difference: off,
    same_bits_twice: same,
    losses: first.losses,
    reference: want.losses,
  };
}
