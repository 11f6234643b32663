/** Kernels in the forms that only fused ops use: logits that become their gradient, gate and up side by side in one row. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stream } from "../../src/lib/prng.ts";
import { machine, reason } from "./emulated.ts";
import { fromBf16, toBf16 } from "./lowered.ts";

const numbers = (name: string, n: number, scale = 1) => {
  const { normal } = stream(7, name);
  return fromBf16(toBf16(Float32Array.from({ length: n }, () => scale * normal())));
};
const sigmoid = (z: number) => 1 / (1 + Math.exp(-z));

describe.skipIf(machine === undefined)(`on the emulated GPU${reason}`, () => {
  beforeAll(() => machine!.set("HNORM_CUDA_SIM_RACECHECK", "1"));
  afterAll(() => machine?.set("HNORM_CUDA_SIM_RACECHECK", undefined));

  test.each([8, 37, 4104, 9000])("lossAndGrad turns %i logits a row into their gradient", (vocab) => {
    const rows = 4;
    const logits = numbers(`logits ${vocab}`, rows * vocab, 4);
    const targets = Int32Array.of(0, vocab - 1, 5, Math.floor(vocab / 2));
    const weights = Float32Array.of(0.5, 0.25, 0, 2);
    const dloss = 0.75;
    const buffers = [toBf16(logits), targets, weights, Float32Array.of(dloss), new Float32Array(rows)].map(
      (x) => machine!.upload(x),
    );
    const define = { X: "bf16", LOGP: "float", VOCAB: vocab };
    machine!.run("cross-entropy.cu", "lossAndGrad", define, { grid: rows, block: 512 }, buffers);
    const got = fromBf16(machine!.download(buffers[0]!, new Uint16Array(rows * vocab)));
    const losses = machine!.download(buffers[4]!, new Float32Array(rows));
    for (let n = 0; n < rows; n++) {
      const row = logits.subarray(n * vocab, (n + 1) * vocab);
      const most = Math.max(...row);
      const total = most + Math.log(row.reduce((sum, x) => sum + Math.exp(x - most), 0));
      expect(losses[n]).toBeCloseTo(weights[n]! * (total - row[targets[n]!]!), 4);
      const off = row.map((x, v) => {
        const want = dloss * weights[n]! * (Math.exp(x - total) - (v === targets[n] ? 1 : 0));
        return Math.abs(got[n * vocab + v]! - want) / (Math.abs(want) + 1e-6);
      });
      // One rounding to bf16, of a number whose exp was taken in f32.
      expect(Math.max(...off)).toBeLessThan(2 ** -8 + 1e-4);
    }
    for (const buffer of buffers) machine!.free(buffer);
  });

  test.each([16, 9])("SwiGLU of gate and up side by side, %i each", (width) => {
    const rows = 3;
    const both = numbers("both", rows * 2 * width);
    const dy = numbers("dy", rows * width);
    const [at, upstream, y] = [
      machine!.upload(toBf16(both)),
      machine!.upload(toBf16(dy)),
      machine!.alloc(2 * rows * width),
    ];
    const half = (k: number) => ({ address: at.address + 2 * k * width, bytes: at.bytes - 2 * k * width });
    const [define, shape, sizes] = [{ X: "bf16", WIDTH: width }, { grid: 2, block: 256 }, [rows, 2 * width]];
    machine!.run("swiglu.cu", "swiglu", define, shape, [half(0), half(1), y, ...sizes]);
    const got = fromBf16(machine!.download(y, new Uint16Array(rows * width)));
    machine!.run("swiglu.cu", "swigluGrad", define, shape, [
      upstream,
      half(0),
      half(1),
      half(0),
      half(1),
      ...sizes,
    ]);
    const grads = fromBf16(machine!.download(at, new Uint16Array(rows * 2 * width)));
    for (let n = 0; n < rows; n++)
      for (let j = 0; j < width; j++) {
        const [g, u, d] = [both[2 * n * width + j]!, both[(2 * n + 1) * width + j]!, dy[n * width + j]!];
        const s = sigmoid(g);
        const near = (value: number, want: number) =>
          expect(Math.abs(value - want)).toBeLessThanOrEqual(Math.abs(want) * 2 ** -8 + 1e-6);
        near(got[n * width + j]!, g * s * u);
        near(grads[2 * n * width + j]!, d * u * s * (1 + g * (1 - s)));
        near(grads[(2 * n + 1) * width + j]!, d * g * s);
      }
    for (const buffer of [at, upstream, y]) machine!.free(buffer);
  });
});
