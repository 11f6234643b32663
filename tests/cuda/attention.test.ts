/** The attention kernels on the emulated GPU against the reference engine, within what bf16 can cost and no further. */
import { afterAll, describe, expect, test } from "vitest";
import {
  attention as lowerAttention,
  attentionGrad as lowerGrad,
} from "../../src/backends/cuda/lower/attention.ts";
import { sharedBytes, tilesFor } from "../../src/backends/cuda/lower/attention-tiles.ts";
import type { Gpu } from "../../src/backends/cuda/lower/lowering.ts";
import { WARPGROUP_KERNELS } from "../../src/backends/cuda/lower/warpgroups.ts";
import { attention, attentionGrad } from "../../src/ops/attention.ts";
import { NONE } from "../../src/ops/define.ts";
import {
  bounds,
  type Inputs,
  inputs,
  NAMES,
  onReference,
  type Results,
  type Sizes,
} from "./attention-bounds.ts";
import { machine, reason } from "./emulated.ts";
import { type Host, Lowered } from "./lowered.ts";

/** Forward and gradient through the lowerings. With `alone`, the gradient does not see the forward pass's sums. */
function onCuda(
  { q, k, v, dout }: Inputs,
  gpu: Partial<Gpu> = {},
  alone = false,
): Results & { lse: Float32Array } {
  const run = new Lowered(machine!, ["attention", "attentionGrad"], gpu);
  const [tq, tk, tv] = [run.input("q", q), run.input("k", k), run.input("v", v)];
  const [out] = run.run(attention, lowerAttention, [tq, tk, tv], NONE);
  const given = alone ? run.input("out", { shape: q.shape, values: run.read(out!) }) : out!;
  const [dq, dk, dv] = run.run(attentionGrad, lowerGrad, [run.input("dout", dout), tq, tk, tv, given], NONE);
  const results = {
    out: run.read(out!),
    lse: run.readBeside(out!),
    dq: run.read(dq!),
    dk: run.read(dk!),
    dv: run.read(dv!),
  };
  run.close();
  return results;
}

/** Room for sums in f32, and for products of two roundings. */
const [SLACK, FLOOR] = [1.02, 2e-6];

function expectWithin(
  name: string,
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  bound: ArrayLike<number>,
): void {
  expect(got.length, `${name}: length`).toBe(want.length);
  for (let i = 0; i < want.length; i++) {
    const off = Math.abs(got[i]! - want[i]!);
    if (!(off <= SLACK * bound[i]! + FLOOR))
      expect.fail(`${name}[${i}]: got ${got[i]}, want ${want[i]} within ${bound[i]}`);
  }
}

async function expectRight(sizes: Sizes, gpu: Partial<Gpu> = {}, given = inputs(sizes)): Promise<void> {
  const want = await onReference(given);
  const bound = bounds(sizes, given, want);
  const got = onCuda(given, gpu);
  for (const name of NAMES) expectWithin(name, got[name], want[name], bound[name]);
  expectWithin("lse", got.lse, bound.lse, new Float64Array(bound.lse.length).fill(1e-5));
}

const named = (sizes: Sizes) => ({ ...sizes, title: JSON.stringify(sizes).replaceAll('"', "") });
const CASES: readonly Sizes[] = [
  // The head sizes of the presets, one tile and several, whole and ragged ones.
  { b: 2, t: 17, h: 4, kv: 2, d: 16 },
  { b: 1, t: 100, h: 2, kv: 2, d: 16 },
  { b: 1, t: 128, h: 4, kv: 1, d: 48 },
  { b: 2, t: 64, h: 2, kv: 1, d: 48 },
  { b: 1, t: 1, h: 2, kv: 2, d: 64 },
  { b: 2, t: 17, h: 2, kv: 1, d: 64 },
  { b: 3, t: 64, h: 1, kv: 1, d: 64 },
  { b: 1, t: 193, h: 4, kv: 2, d: 64 },
  { b: 1, t: 100, h: 2, kv: 1, d: 96 },
  { b: 1, t: 1, h: 1, kv: 1, d: 128 },
  { b: 2, t: 100, h: 4, kv: 1, d: 128 },
  { b: 1, t: 257, h: 2, kv: 2, d: 128 },
  // Sizes that are no multiple of 16, with copies of 4 and of 8 bytes.
  { b: 2, t: 33, h: 3, kv: 1, d: 6 },
  { b: 1, t: 65, h: 2, kv: 1, d: 52 },
];

const HOPPER = { warpgroups: WARPGROUP_KERNELS };
const BY_WARPGROUPS: readonly Sizes[] = [
  { b: 1, t: 1, h: 1, kv: 1, d: 64 },
  { b: 1, t: 257, h: 4, kv: 2, d: 64 },
  { b: 2, t: 64, h: 2, kv: 1, d: 96 },
  { b: 1, t: 230, h: 2, kv: 1, d: 96 },
  { b: 2, t: 100, h: 4, kv: 1, d: 128 },
  { b: 1, t: 300, h: 1, kv: 1, d: 128 },
];

afterAll(() => {
  machine?.set("HNORM_CUDA_SIM_SEED", undefined);
  machine?.set("HNORM_CUDA_SIM_RACECHECK", undefined);
});

describe.skipIf(machine === undefined)(`attention kernels${reason}`, () => {
  test.each(CASES.map(named))("$title", (sizes) => expectRight(sizes));
  test.each(BY_WARPGROUPS.map(named))("by warpgroups: $title", (sizes) => expectRight(sizes, HOPPER));

  test("a GPU with little shared memory gets smaller tiles", async () => {
    const small = { sharedBytes: 99 * 1024, warpgroups: [] };
    const tiles = tilesFor("grad-kv", 128, small);
    expect(sharedBytes("grad-kv", 128, tiles)).toBeLessThanOrEqual(small.sharedBytes);
    expect(tiles).not.toEqual(tilesFor("grad-kv", 128, { ...small, sharedBytes: 227 * 1024 }));
    expect(tiles).toEqual(tilesFor("grad-kv", 128, { ...small, warpgroups: WARPGROUP_KERNELS }));
    await expectRight({ b: 1, t: 100, h: 2, kv: 1, d: 128 }, small);
  });

  test("one position attends to itself: its output is its value", () => {
    const given = inputs({ b: 3, t: 1, h: 2, kv: 2, d: 64 });
    expect(onCuda(given).out).toEqual(given.v.values);
  });

  const times = (x: Host, factor: number) => ({ ...x, values: x.values.map((y) => y * factor) });

  test.each([{}, HOPPER])(
    "rows whose maximum grows by leaps from one block of keys to the next (%o)",
    async (gpu) => {
      const sizes = { b: 1, t: 257, h: 2, kv: 1, d: 64 };
      const given = inputs(sizes);
      const growing = given.k.values.map((x, i) => x * 2 ** Math.floor(i / (64 * sizes.d)));
      await expectRight(sizes, gpu, { ...given, q: times(given.q, 2), k: { ...given.k, values: growing } });
    },
  );

  test("scores of any magnitude: no overflow, no lost row", () => {
    const { q, k, v, dout } = inputs({ b: 1, t: 70, h: 2, kv: 1, d: 64 });
    for (const factor of [2 ** 10, -(2 ** 10), 2 ** -10]) {
      const got = onCuda({ q: times(q, factor), k: times(k, 2 ** 10), v, dout });
      for (const name of NAMES) expect(got[name].every(Number.isFinite), name).toBe(true);
    }
  });

  test("the gradient computes the row sums itself where the forward pass has left none", () => {
    const given = inputs({ b: 1, t: 40, h: 4, kv: 2, d: 64 });
    expect(onCuda(given, {}, true)).toEqual(onCuda(given));
  });

  test.each([{}, HOPPER])(
    "the same bits at every run, in whatever order threads and blocks run (%o)",
    (gpu) => {
      const given = inputs({ b: 2, t: 150, h: 4, kv: 2, d: 64 });
      const first = onCuda(given, gpu);
      expect(onCuda(given, gpu)).toEqual(first);
      for (const seed of ["1", "2"]) {
        machine!.set("HNORM_CUDA_SIM_SEED", seed);
        expect(onCuda(given, gpu)).toEqual(first);
      }
    },
  );

  test.each([{}, HOPPER])("no access to shared memory races with another (%o)", (gpu) => {
    machine!.set("HNORM_CUDA_SIM_RACECHECK", "1");
    for (const seed of [undefined, "3"]) {
      machine!.set("HNORM_CUDA_SIM_SEED", seed);
      const got = onCuda(inputs({ b: 1, t: 140, h: 2, kv: 1, d: 64 }), gpu);
      for (const name of NAMES) expect(got[name].every(Number.isFinite), name).toBe(true);
    }
  });
});
