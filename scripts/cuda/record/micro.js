// The GPU's own limits and single kernels: copy bandwidth, products of the model's shapes, norms, attention.
import { tmpdir } from "node:os";
import { inDist } from "../samples.js";

const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

async function openSession() {
  const { discover } = await inDist("backends/cuda/driver/discover.js");
  const { loadFfi } = await inDist("backends/cuda/driver/ffi.js");
  const { bindDriver } = await inDist("backends/cuda/driver/driver.js");
  const { GpuSession } = await inDist("backends/cuda/driver/gpu.js");
  const { cublasLt } = await inDist("backends/cuda/cublaslt/cublaslt.js");
  const { WORKSPACE_BYTES } = await inDist("backends/cuda/cublaslt/cublaslt-problem.js");
  const found = await discover(process.env);
  if (!found.ok) throw new Error(`${found.why}; ${found.fix}`);
  const ffi = await loadFfi();
  const session = new GpuSession(ffi, bindDriver(ffi, ffi.open(found.libraries.driver)));
  const products = cublasLt(ffi.open(found.libraries.cublasLt), session);
  return { session, products, workspace: session.allocate(WORKSPACE_BYTES) };
}

/** Milliseconds of each of some runs, by events. */
function timed({ driver, stream }, body, { warmup = 3, rounds = 15 } = {}) {
  const [start, end] = [0, 1].map(() => {
    const out = new BigUint64Array(1);
    driver.cuEventCreate(out, 0);
    return Number(out[0]);
  });
  const ms = new Float32Array(1);
  const times = [];
  for (let i = 0; i < warmup + rounds; i++) {
    driver.cuEventRecord(start, stream);
    body();
    driver.cuEventRecord(end, stream);
    driver.cuEventSynchronize(end);
    driver.cuEventElapsedTime(ms, start, end);
    if (i >= warmup) times.push(ms[0]);
  }
  return median(times);
}

/** A device-to-device copy, bytes read and written. */
function copy({ session }, bytes) {
  const [from, to] = [session.allocate(bytes), session.allocate(bytes)];
  const { driver, stream } = session;
  const ms = timed(session, () => driver.cuMemcpyDtoDAsync_v2(to.address, from.address, bytes, stream));
  session.free(from);
  session.free(to);
  return { bytes: 2 * bytes, ms, bytes_per_s: (2000 * bytes) / ms };
}

async function random(session, storage, elements) {
  const { stream } = await inDist("lib/prng.js");
  const { encodeBf16 } = await inDist("backends/cuda/memory/bf16.js");
  const values = Float32Array.from({ length: 1 << 16 }, stream(1, "noise").normal);
  const pattern = storage === "bf16" ? encodeBf16(values) : values;
  const memory = session.allocate(elements * pattern.BYTES_PER_ELEMENT);
  const first = Math.min(pattern.byteLength, memory.bytes);
  session.upload(memory.address, new Uint8Array(pattern.buffer, pattern.byteOffset, first));
  for (let done = first; done < memory.bytes; done *= 2) {
    const bytes = Math.min(done, memory.bytes - done);
    session.driver.cuMemcpyDtoDAsync_v2(memory.address + done, memory.address, bytes, session.stream);
  }
  return memory;
}

/** The first candidate is the library's favourite; the best shows what trying them all is worth. */
async function product({ session, products, workspace }, problem) {
  const prepared = products.prepare(problem);
  const [a, b, c] = await Promise.all([
    random(session, problem.a, problem.m * problem.k),
    random(session, problem.b, problem.k * problem.n),
    random(session, problem.c, problem.m * problem.n),
  ]);
  const addresses = { a: a.address, b: b.address, c: c.address };
  const times = [];
  for (const algorithm of prepared.candidates) {
    try {
      const body = () => prepared.run(addresses, algorithm, workspace.address);
      times.push(timed(session, body, { warmup: 2, rounds: 7 }));
    } catch {
      times.push(Number.POSITIVE_INFINITY);
    }
  }
  session.synchronize();
  for (const memory of [a, b, c]) session.free(memory);
  const flops = 2 * problem.m * problem.n * problem.k;
  const rate = (ms) => flops / ms / 1e9;
  const best = Math.min(...times);
  return {
    candidates: times.length,
    favourite_tflops: rate(times[0]),
    best_tflops: rate(best),
    best_ms: best,
  };
}

/** Shapes of all products of a model's pass, with how often each is done. */
async function shapesOf(preset, batch) {
  const { compile } = await inDist("backends/cuda/plan/compile.js");
  const { nativeOps } = await inDist("backends/cuda/lower/lowerings.js");
  const { gradientGraph } = await inDist("model/graphs.js");
  const { presets } = await inDist("model/presets.js");
  const { completeModel, modelSchema } = await inDist("model/schema.js");
  const model = completeModel(modelSchema.parse(presets[preset]));
  const { graph } = gradientGraph({ model, norm: { name: "pre" } }, { batch, nativeOps, accumulate: true });
  const { ASSUMED_GPU: gpu } = await inDist("backends/cuda/planned-memory.js");
  const counted = new Map();
  for (const command of compile(graph, { gpu }).commands) {
    if (command.kind !== "gemm") continue;
    const problem = {
      ...command.shape,
      a: command.a.storage,
      b: command.b.storage,
      c: command.c.storage,
      alignment: 256,
    };
    const key = JSON.stringify(problem);
    counted.set(key, (counted.get(key) ?? 0) + 1);
  }
  return [...counted].map(([key, times]) => ({ problem: JSON.parse(key), times }));
}

export async function limits({ small, tell }) {
  const opened = await openSession();
  const result = { copy: copy(opened, small ? 2 ** 20 : 2 ** 32) };
  const square = {
    transA: false,
    transB: true,
    alpha: 1,
    beta: 0,
    batch: 1,
    a: "bf16",
    b: "bf16",
    c: "bf16",
  };
  tell(result);
  const n = small ? 64 : 8192;
  const packed = { lda: n, ldb: n, ldc: n, strideA: n * n, strideB: n * n, strideC: n * n, alignment: 256 };
  result.square_product = { n, ...(await product(opened, { ...square, ...packed, m: n, n, k: n })) };
  if (!small) {
    result.products = [];
    for (const { problem, times } of await shapesOf("dense-1.2b", 8)) {
      const { m, n, k, transA, transB, beta, c } = problem;
      result.products.push({ m, n, k, transA, transB, beta, c, times, ...(await product(opened, problem)) });
      tell(result);
    }
    const all = result.products.reduce((sum, p) => sum + p.times * p.best_ms, 0);
    const work = result.products.reduce((sum, p) => sum + p.times * 2 * p.m * p.n * p.k, 0);
    result.products_of_a_pass = { ms: all, tflops: work / all / 1e9 };
  }
  opened.products.close();
  opened.session.close();
  return result;
}

/** RMSNorm and attention forward and backward at a model's shape, as the engine launches them. */
export async function kernels({ small, tell }) {
  const { cudaOn } = await inDist("backends/cuda/cuda.js");
  const { GraphBuilder } = await inDist("graph/builder.js");
  const { ops } = await inDist("ops/index.js");
  const { plan } = await inDist("plan/plan.js");
  const { stream } = await inDist("lib/prng.js");
  const cuda = cudaOn({ HNORM_CACHE_DIR: tmpdir(), ...process.env });
  const noise = Float32Array.from({ length: (1 << 16) + 1 }, stream(1, "noise").normal);
  const device = await cuda.open({});

  /** Inputs of bf16 come from a product with a constant: what is fed would be f32. */
  async function measure(shapes, emit, names) {
    const b = new GraphBuilder(cuda.nativeOps);
    const feeds = {};
    const inputs = Object.entries(shapes).map(([name, shape]) => {
      const values = new Float32Array(shape.reduce((a, n) => a * n, 1));
      for (let at = 0; at < values.length; at += noise.length)
        values.set(noise.subarray(0, values.length - at), at);
      feeds[name] = values;
      const fed = b.feed(name, shape);
      return shape.length === 1 ? fed : b.emit(ops.scale, [fed], { factor: 0.5 })[0];
    });
    emit((op, from, attrs = {}) => b.emit(ops[op], from, attrs), inputs).forEach((t, i) => {
      b.output(`${i}`, b.emit(ops.sumSquares, [t], {})[0]);
    });
    const program = await device.compile(plan(b.finish(), cuda.bytes));
    const times = new Map(names.map((name) => [name, []]));
    for (let i = 0; i < 9; i++) {
      const profile = await program.profile(feeds);
      for (const { op, ms } of profile) if (i >= 2) times.get(op)?.push(ms);
    }
    await program.close();
    return Object.fromEntries([...times].map(([name, all]) => [name, median(all)]));
  }

  const result = {};
  const [rows, width] = small ? [64, 32] : [32768, 2048];
  const norm = await measure(
    { x: [rows, width], dy: [rows, width], g: [width] },
    (emit, [x, dy, g]) => {
      const [y, r] = emit("rmsNorm", [x, g], { eps: 1e-5 });
      return [y, ...emit("rmsNormGrad", [dy, x, g, r])];
    },
    ["rmsNorm", "rmsNormGrad"],
  );
  const moved = { rmsNorm: 4 * rows * width, rmsNormGrad: 6 * rows * width };
  for (const [name, ms] of Object.entries(norm))
    result[name] = { rows, width, ms, bytes_per_s: (1000 * moved[name]) / ms };
  tell(result);

  const shapes = small
    ? [[1, 32, 2, 1, 16]]
    : [
        [8, 4096, 32, 8, 64],
        [8, 4096, 16, 4, 96],
        [8, 4096, 16, 16, 128],
      ];
  for (const [b, t, h, kv, d] of shapes) {
    const times = await measure(
      { q: [b, t, h, d], k: [b, t, kv, d], v: [b, t, kv, d], dctx: [b, t, h, d] },
      (emit, [q, k, v, dctx]) => {
        const [ctx] = emit("attention", [q, k, v]);
        return emit("attentionGrad", [dctx, q, k, v, ctx]);
      },
      ["attention", "attentionGrad"],
    );
    const forward = 2 * b * h * t * t * d;
    result[`attention ${[b, t, h, kv, d].join(",")}`] = {
      forward_ms: times.attention,
      forward_tflops: forward / times.attention / 1e9,
      backward_ms: times.attentionGrad,
      backward_tflops: (2.5 * forward) / times.attentionGrad / 1e9,
    };
    tell(result);
  }
  await device.close();
  return result;
}
