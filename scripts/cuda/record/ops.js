// Every op against the reference, on the tests' samples: largest difference relative to the largest magnitude.
import { inDist, samples } from "../samples.js";

const WORST = 2e-2; // bf16 in and out; as in tests/conformance/tolerance.ts

/** A GPU that failed answers nothing any more: the next sample gets a new context. */
export async function ops({ tell }) {
  const { cuda } = await inDist("backends/cuda/cuda.js");
  const { reference } = await inDist("backends/reference/reference.js");
  const { loweringOf } = await inDist("backends/cuda/lower/lowerings.js");
  const { allSamples, applied, feedsOf, runSample } = await samples();
  const { GraphBuilder } = await inDist("graph/builder.js");
  const { plan } = await inDist("plan/plan.js");
  const computed = (name) => {
    try {
      return loweringOf(name) !== undefined;
    } catch {
      return false;
    }
  };
  let device = await cuda.open({});
  const results = [];
  for (const named of allSamples.filter(({ name }) => computed(name))) {
    const { title } = named;
    tell({ ...summed(results), at: title });
    try {
      const b = new GraphBuilder(cuda.nativeOps);
      applied(b, named).outputs.forEach((t, i) => {
        b.output(`${i}`, t);
      });
      const program = await device.compile(plan(b.finish(), cuda.bytes));
      const got = await program.run(feedsOf(named));
      await program.close();
      const want = await runSample(reference, named);
      const error = Math.max(...Object.keys(want).map((name) => distance(got[name], want[name])));
      results.push({ title, error, ok: error <= WORST });
    } catch (cause) {
      results.push({ title, ok: false, failed: cause.message.slice(0, 4000) });
      tell({ ...summed(results), at: `a new context after ${title}` });
      await device.close();
      device = await cuda.open({});
    }
  }
  await device.close();
  return summed(results);
}

function summed(results) {
  const bad = results.filter(({ ok }) => !ok);
  const errors = results.map(({ error }) => error ?? 0);
  return { ok: bad.length === 0, count: results.length, worst: Math.max(0, ...errors), bad };
}

function distance(got, want) {
  if (got?.length !== want.length) return Number.POSITIVE_INFINITY;
  let [scale, off] = [1e-6, 0];
  for (const w of want) scale = Math.max(scale, Math.abs(w));
  for (let i = 0; i < want.length; i++) {
    const error = Math.abs(got[i] - want[i]) / scale;
    if (!(error <= off)) off = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
  }
  return off;
}
