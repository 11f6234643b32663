/** Sums that norms read and norms' gradients onto other gradients: fused where that is allowed, and with the same values. */
import { describe, expect, test } from "vitest";
import * as fusedOps from "../../src/backends/cuda/fuse/residual-norm.ts";
import { fuseResidualNorm } from "../../src/backends/cuda/fuse/residual-norm.ts";
import { addRmsNorm, rmsNormGradAdd } from "../../src/backends/cuda/lower/residual-norm.ts";
import { kernelOf } from "../../src/backends/reference/kernels.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import type { Node, Tensor } from "../../src/graph/graph.ts";
import { stream } from "../../src/lib/prng.ts";
import { add } from "../../src/ops/add.ts";
import { bias } from "../../src/ops/bias.ts";
import { NONE } from "../../src/ops/define.ts";
import { fill } from "../../src/ops/fill.ts";
import { ops } from "../../src/ops/index.ts";
import { scale } from "../../src/ops/scale.ts";
import { machine, reason } from "./emulated.ts";
import { fromBf16, Lowered, toBf16 } from "./lowered.ts";

const names = (nodes: readonly Node[]): string[] => nodes.map((node) => node.op.name);
const attrs = { eps: 1e-5 };

/** s = a + b, y = norm(s); dx = more + the norm's gradient. `between` may read what is about to be fused. */
function block(between: (b: GraphBuilder, at: { y: Tensor; dx: Tensor; dgain: Tensor }) => void = () => {}) {
  const b = new GraphBuilder();
  const [a, c, dy, more] = ["a", "c", "dy", "more"].map((name) => b.feed(name, [6, 40]));
  const gain = b.variable("gain", [40], "weight");
  const s = add(b.emit, a!, c!);
  const [y, r] = b.emit(ops.rmsNorm, [s, gain], attrs) as [Tensor, Tensor];
  const [dx, dgain] = b.emit(ops.rmsNormGrad, [dy!, s, gain, r], NONE) as [Tensor, Tensor];
  between(b, { y, dx, dgain });
  const total = add(b.emit, more!, dx);
  b.output("y", y);
  b.output("total", total);
  b.output("squares", b.emit(ops.sumSquares, [dgain], NONE)[0]!);
  const { nodes } = b.finish();
  return { nodes, fused: (...kept: Tensor[]) => names(fuseResidualNorm(nodes, new Set(kept))), dx, total };
}

describe("residual and norm", () => {
  test("become one op forward and one backward", () => {
    const { fused, total } = block();
    expect(fused(total)).toEqual(["addRmsNorm", "rmsNormGradAdd", "sumSquares"]);
  });

  test("keep their outputs", () => {
    const { nodes } = block();
    const made = new Set(fuseResidualNorm(nodes, new Set()).flatMap((node) => node.outputs));
    const gone = nodes.flatMap((node) => node.outputs).filter((t) => !made.has(t));
    expect(gone).toEqual([nodes[2]!.outputs[0]]);
  });

  test("stay apart where the norm's own gradient is read by others or kept", () => {
    const read = block((b, { dx }) => b.output("dx twice", b.emit(ops.scale, [dx], { factor: 2 })[0]!));
    expect(read.fused()).toContain("rmsNormGrad");
    const { fused, dx } = block();
    expect(fused(dx)).toContain("rmsNormGrad");
  });

  test("stay apart where the gain's gradient is wanted before the sum", () => {
    const early = block((b, { dgain }) => b.output("early", b.emit(ops.sumSquares, [dgain], NONE)[0]!));
    expect(early.fused()).toEqual(["addRmsNorm", "rmsNormGrad", "sumSquares", "add", "sumSquares"]);
  });

  test("of a gain that is computed in between, the sum moves down to the norm; not past a reader of it", () => {
    const fusedOf = (first: (b: GraphBuilder, s: Tensor) => void) => {
      const b = new GraphBuilder();
      const s = add(b.emit, b.feed("a", [2, 8]), b.feed("b", [2, 8]));
      first(b, s);
      const gain = bias(b.emit, b.variable("g", [8], "weight"), fill(b.emit, [1], 1));
      b.output("y", b.emit(ops.rmsNorm, [s, gain], attrs)[0]!);
      return names(fuseResidualNorm(b.finish().nodes, new Set()));
    };
    expect(fusedOf(() => {})).toEqual(["fill", "bias", "addRmsNorm"]);
    const read = fusedOf((b, s) => b.output("twice", scale(b.emit, 2, s)));
    expect(read).toEqual(["add", "scale", "fill", "bias", "rmsNorm"]);
  });

  test("of a gain that is computed before, the norm moves up to the sum", () => {
    const b = new GraphBuilder();
    const gain = bias(b.emit, b.variable("g", [8], "weight"), fill(b.emit, [1], 1));
    const s = add(b.emit, b.feed("a", [2, 8]), b.feed("b", [2, 8]));
    b.output("twice", scale(b.emit, 2, s));
    b.output("y", b.emit(ops.rmsNorm, [s, gain], attrs)[0]!);
    const { nodes } = b.finish();
    expect(names(fuseResidualNorm(nodes, new Set()))).toEqual(["fill", "bias", "addRmsNorm", "scale"]);
  });

  test("of two norms of one sum only the first takes it", () => {
    const b = new GraphBuilder();
    const s = add(b.emit, b.feed("a", [2, 8]), b.feed("b", [2, 8]));
    for (const name of ["g", "h"])
      b.output(name, b.emit(ops.rmsNorm, [s, b.variable(name, [8], "weight")], attrs)[0]!);
    expect(names(fuseResidualNorm(b.finish().nodes, new Set()))).toEqual(["addRmsNorm", "rmsNorm"]);
  });
});

describe.skipIf(machine === undefined)(`on the emulated GPU${reason}`, () => {
  const numbers = (name: string, n: number) => {
    const { normal } = stream(3, name);
    return fromBf16(toBf16(Float32Array.from({ length: n }, normal)));
  };
  /** In units of the last place of bf16 at the tensor's largest magnitude. */
  const expectClose = (got: Float32Array, want: ArrayLike<number>, tolerance = 4.5e-3) => {
    const scale = Math.max(...Array.from(want, Math.abs));
    for (let i = 0; i < want.length; i++)
      expect(Math.abs(got[i]! - want[i]!)).toBeLessThanOrEqual(tolerance * scale);
  };

  test.each([
    [5, 768, false],
    [33, 64, true],
    [3, 37, true],
    [2, 4096, false],
  ])("%i rows of %i, in place: %s", (rows, width, inPlace) => {
    const shape = [rows, width];
    const [a, c, dy, more] = ["a", "b", "dy", "more"].map((name) => numbers(name, rows * width)) as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const gain = numbers("gain", width);
    machine!.set("HNORM_CUDA_SIM_RACECHECK", "1");
    const run = new Lowered(machine!);
    const [ta, tb, tdy, tmore] = [a, c, dy, more].map((values, i) => run.input(`${i}`, { shape, values }));
    const g = run.input("gain", { shape: [width], values: gain }, "f32");
    const [s, y, r] = run.run(fusedOps.addRmsNorm, addRmsNorm, [ta!, tb!, g], attrs, { inPlace }) as [
      Tensor,
      Tensor,
      Tensor,
    ];
    const stored = run.read(s);
    expect(stored).toEqual(fromBf16(toBf16(a.map((x, i) => x + c[i]!))));
    const [wantY, wantR] = [new Float64Array(rows * width), new Float64Array(rows)];
    kernelOf("rmsNorm")(
      { inputs: [s], attrs } as never,
      [Float64Array.from(stored), Float64Array.from(gain)],
      [wantY, wantR],
    );
    expectClose(run.read(y), wantY);
    expectClose(run.read(r), wantR, 1e-6);

    const onto = numbers("onto", width);
    const answers = { inPlace, onto };
    const [dx, dgain] = run.run(
      fusedOps.rmsNormGradAdd,
      rmsNormGradAdd,
      [tdy!, s, g, r, tmore!],
      NONE,
      answers,
    );
    const [wantX, wantGain] = [new Float64Array(rows * width), Float64Array.from(onto)];
    const inputs = [dy, stored, gain, wantR].map((x) => Float64Array.from(x));
    kernelOf("rmsNormGrad")({ inputs: [s, s] } as never, inputs, [wantX, wantGain]);
    expectClose(
      run.read(dx!),
      wantX.map((x, i) => x + more[i]!),
    );
    expectClose(run.read(dgain!), wantGain, 2e-5);
    run.close();
    machine!.set("HNORM_CUDA_SIM_RACECHECK", undefined);
  });
});
