/**
 * Products of a warpgroup as kernels/wgmma.cuh words them, on the emulated GPU, which decodes the descriptors by itself:
 * every layout of both factors. And the faults that a GPU would answer with wrong numbers now and then, planted.
 */
import { afterEach, describe, expect, test } from "vitest";
import { stream } from "../../src/lib/prng.ts";
import { machine, reason } from "./emulated.ts";
import { fromBf16, toBf16 } from "./lowered.ts";

/** y [64, WIDE] = a b; a [64, DEEP], b [WIDE, DEEP], or with TA, TB the other way round; REGISTERS: a comes from registers. */
const PRODUCT = `
#include "bf16.cuh"
#include "wgmma.cuh"
using A = Swizzled<TA ? DEEP : 64, TA ? 64 : DEEP>;
using B = Swizzled<TB ? DEEP : WIDE, TB ? WIDE : DEEP>;
template <class Tile, int WIDTH>
__device__ __forceinline__ void load(bf16* tile, const bf16* from) {
  for (int i = threadIdx.x * 8; i < Tile::SIZE; i += 128 * 8)
    cp_async<16>(tile + Tile::at(i / WIDTH, i % WIDTH), from + i, true);
}
extern "C" __global__ void __launch_bounds__(128) product(const bf16* a, const bf16* b, float* y) {
  extern __shared__ __align__(16) unsigned char shared[];
  bf16* left = reinterpret_cast<bf16*>(first_tile(shared));
  bf16* right = left + (A::SIZE + 511) / 512 * 512;
  load<A, TA ? 64 : DEEP>(left, a);
  load<B, TB ? WIDE : DEEP>(right, b);
  cp_async_commit();
  cp_async_wait<0>();
  fence_for_products();
  __syncthreads();
  const int row = threadIdx.x / 32 * 16 + threadIdx.x % 32 / 4, column = threadIdx.x % 4 * 2;
  float sums[WIDE / 8][4];
  unsigned part[DEEP / 16][4];
#pragma unroll
  for (int n = 0; n < WIDE / 8; n++) sums[n][0] = sums[n][1] = sums[n][2] = sums[n][3] = 0.0f;
#pragma unroll
  for (int k = 0; k < DEEP / 16; k++)
    for (int i = 0; i < 4; i++)
      part[k][i] = *reinterpret_cast<const unsigned*>(a + (row + i % 2 * 8) * DEEP + k * 16 + i / 2 * 8 + column);
  wgmma_fence();
#pragma unroll
  for (int k = 0; k < DEEP; k += 16) {
    const auto of_b = TB ? B::down(shared_address(right), k, 0) : B::along(shared_address(right), 0, k);
#if REGISTERS
    wgmma_registers<TB>(sums, part[k / 16], of_b);
#else
    const auto of_a = TA ? A::down(shared_address(left), k, 0) : A::along(shared_address(left), 0, k);
    if (k == 0) wgmma_shared<TA, TB, false>(sums, of_a, of_b);
    else wgmma_shared<TA, TB, true>(sums, of_a, of_b);
#endif
  }
  wgmma_commit();
  wgmma_wait<0>();
  hold(sums);
  for (int n = 0; n < WIDE / 8; n++)
    for (int e = 0; e < 4; e++) y[(row + e / 2 * 8) * WIDE + n * 8 + column + e % 2] = sums[n][e];
}`;

interface Shape {
  readonly n: number;
  readonly k: number;
  readonly ta: boolean;
  readonly tb: boolean;
  readonly registers: boolean;
}

const random = (name: string, length: number) => {
  const { normal } = stream(3, `wgmma/${name}`);
  return fromBf16(toBf16(Float32Array.from({ length }, normal)));
};

function product({ n, k, ta, tb, registers }: Shape, source = PRODUCT) {
  const [a, b] = [random("a", 64 * k), random("b", n * k)];
  const buffers = [
    machine!.upload(toBf16(a)),
    machine!.upload(toBf16(b)),
    machine!.alloc(64 * n * 4),
  ] as const;
  const define = { WIDE: n, DEEP: k, TA: Number(ta), TB: Number(tb), REGISTERS: Number(registers) };
  try {
    const launch = { grid: 1, block: 128, shared: 1024 + 2 * (64 * k + n * k) + 2048 };
    machine!.run("product.cu", "product", define, launch, buffers, source);
    return { a, b, y: machine!.download(buffers[2], new Float32Array(64 * n)) };
  } finally {
    for (const buffer of buffers) machine!.free(buffer);
  }
}

/** Of numbers with 8 bits, whose products are exact: only the sums round. */
function expectRight(shape: Shape, source = PRODUCT): void {
  const { n, k, ta, tb } = shape;
  const { a, b, y } = product(shape, source);
  for (let i = 0; i < 64; i++)
    for (let j = 0; j < n; j++) {
      let [sum, size] = [0, 0];
      for (let l = 0; l < k; l++) {
        const term = a[ta ? l * 64 + i : i * k + l]! * b[tb ? l * n + j : j * k + l]!;
        sum += term;
        size += Math.abs(term);
      }
      const off = Math.abs(y[i * n + j]! - sum);
      if (!(off <= size * k * 2 ** -24)) expect.fail(`[${i}, ${j}]: ${y[i * n + j]}, not ${sum}`);
    }
}

/** The source with one piece replaced, which must be there. */
function planted(piece: string, by: string): string {
  expect(PRODUCT).toContain(piece);
  return PRODUCT.replace(piece, by);
}

/** Rows of 128, 64 and 32 bytes along which the index is summed; then every width that is summed down. */
const shapes = [
  ...[128, 96, 48].map((k) => ({ n: 64, k, tb: false })),
  ...[96, 128].map((n) => ({ n, k: 64, tb: false })),
  ...[64, 96, 128].map((n) => ({ n, k: 64, tb: true })),
].flatMap((shape) => [
  { ...shape, ta: false, registers: false },
  { ...shape, ta: true, registers: false },
  { ...shape, ta: false, registers: true },
]);

const some: Shape = { n: 64, k: 64, ta: false, tb: true, registers: false };
const wrong = (source: string) => () => {
  const { y } = product(some, source);
  expect(y).toEqual(product(some).y);
};

afterEach(() => machine?.set("HNORM_CUDA_SIM_RACECHECK", undefined));

describe.skipIf(machine === undefined)(`products of a warpgroup${reason}`, () => {
  test.each(shapes.map((s) => [JSON.stringify(s), s] as const))("%s", (_, shape) => expectRight(shape));

  test("the same with a check for races", () => {
    machine!.set("HNORM_CUDA_SIM_RACECHECK", "1");
    expectRight(some);
    expectRight({ ...some, ta: true });
  });

  test("copies that were not made visible to products are told", () => {
    expect(wrong(planted("fence_for_products();", ""))).toThrow("not made them visible");
  });

  test("sums that are read before they are waited for are wrong", () => {
    expect(wrong(planted("wgmma_wait<0>();", ""))).toThrow();
    expect(wrong(planted("wgmma_wait<0>();", "wgmma_wait<1>();"))).toThrow();
  });

  test("a factor that is overwritten too early is wrong", () => {
    const over = "if (threadIdx.x == 0) left[0].bits = 0x4480;";
    expect(wrong(planted("wgmma_wait<0>();", `${over} __syncwarp(); wgmma_wait<0>();`))).toThrow();
    wrong(planted("hold(sums);", `hold(sums); __syncthreads(); ${over}`))();
  });

  test("tiles that begin anywhere are wrong", () => {
    expect(wrong(planted("first_tile(shared)", "shared"))).toThrow();
  });

  test("a warp that leaves out a product is told", () => {
    const last = "if (k == 0) wgmma_shared<TA, TB, false>(sums, of_a, of_b);";
    expect(wrong(planted(last, `if (threadIdx.x / 32 == 3 && k == 48) continue; ${last}`))).toThrow(
      "different numbers of products",
    );
    expect(wrong(planted(last, `if (threadIdx.x / 32 == 3 && k == 16) continue; ${last}`))).toThrow(
      "begin different products",
    );
  });
});
