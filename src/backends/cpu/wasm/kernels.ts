/**
 * The host's inner loops as WebAssembly with 128-bit vectors, over one memory. Each walks its arrays four floats at a
 * time; `n` is a positive multiple of 4, and what pads an array to it is zero and stays zero.
 */
import { assemble, type Code, doWhile, f64Add, func, get, i32, i32Add, set } from "./assembler.ts";
import {
  add,
  addWide,
  div,
  lane,
  load,
  mul,
  mulWide,
  splat,
  sqrt,
  store,
  sub,
  upper,
  widen,
} from "./simd.ts";

/** The exports of the module. Pointers are bytes, n counts floats. */
export interface Kernels {
  /** y += x. */
  readonly accumulate: (y: number, x: number, n: number) => void;
  /** Sum of x^2, in f64. */
  readonly sumSquares: (x: number, n: number) => number;
  /** See `AdamCoefficients`. */
  readonly adam: (
    p: number,
    g: number,
    m: number,
    v: number,
    n: number,
    ...coefficients: AdamCoefficients
  ) => void;
}

/**
 * With h = clip g + l2 p:   m = beta1 m + rest1 h,   v = beta2 v + rest2 h^2,
 * p = keep p - rate m / (sqrt(v correction) + eps).
 */
export type AdamCoefficients = readonly [
  clip: number,
  l2: number,
  beta1: number,
  rest1: number,
  beta2: number,
  rest2: number,
  keep: number,
  rate: number,
  correction: number,
  eps: number,
];

/** `body` for each four floats, the pointers moving along. */
const forEachVector = (n: number, pointers: readonly number[], body: Code): Code => {
  const advance = pointers.map((p) => set(p, i32Add(get(p), i32(16))));
  return doWhile([body, advance, set(n, i32Add(get(n), i32(-4)))], get(n));
};

const accumulate = func("accumulate", { params: { y: "i32", x: "i32", n: "i32" } }, ({ y, x, n }) =>
  forEachVector(n, [y, x], store(get(y), add(load(get(y)), load(get(x))))),
);

const sumSquares = func(
  "sumSquares",
  {
    params: { x: "i32", n: "i32" },
    locals: { four: "v128", wide: "v128", a: "v128", b: "v128" },
    result: "f64",
  },
  ({ x, n, four, wide, a, b }) => {
    const addSquare = (sum: number, two: Code): Code => [
      set(wide, widen(two)),
      set(sum, addWide(get(sum), mulWide(get(wide), get(wide)))),
    ];
    return [
      forEachVector(
        n,
        [x],
        [set(four, load(get(x))), addSquare(a, get(four)), addSquare(b, upper(get(four)))],
      ),
      set(a, addWide(get(a), get(b))),
      f64Add(lane(get(a), 0), lane(get(a), 1)),
    ];
  },
);

const adam = func(
  "adam",
  {
    params: {
      p: "i32",
      g: "i32",
      m: "i32",
      v: "i32",
      n: "i32",
      clip: "f32",
      l2: "f32",
      beta1: "f32",
      rest1: "f32",
      beta2: "f32",
      rest2: "f32",
      keep: "f32",
      rate: "f32",
      correction: "f32",
      eps: "f32",
    },
    locals: { h: "v128", m2: "v128", v2: "v128" },
  },
  (at) => {
    const { p, g, m, v, n, h, m2, v2 } = at;
    const times = (factor: number, x: Code): Code => mul(splat(get(factor)), x);
    return forEachVector(
      n,
      [p, g, m, v],
      [
        set(h, add(times(at.clip, load(get(g))), times(at.l2, load(get(p))))),
        set(m2, add(times(at.beta1, load(get(m))), times(at.rest1, get(h)))),
        set(v2, add(times(at.beta2, load(get(v))), times(at.rest2, mul(get(h), get(h))))),
        store(get(m), get(m2)),
        store(get(v), get(v2)),
        store(
          get(p),
          sub(
            times(at.keep, load(get(p))),
            div(times(at.rate, get(m2)), add(sqrt(times(at.correction, get(v2))), splat(get(at.eps)))),
          ),
        ),
      ],
    );
  },
);

/** Compiled once; every memory gets its own instance. */
let compiled: WebAssembly.Module | undefined;

export function instantiate(memory: WebAssembly.Memory): Kernels {
  compiled ??= new WebAssembly.Module(assemble([accumulate, sumSquares, adam]));
  return new WebAssembly.Instance(compiled, { env: { memory } }).exports as unknown as Kernels;
}
