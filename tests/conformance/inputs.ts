/** Inputs of sample applications: drawn from a stream of their own each, or given. */
import type { Values } from "../../src/backends/backend.ts";
import { type Shape, size } from "../../src/graph/graph.ts";
import { stream } from "../../src/lib/prng.ts";

export interface SampleInput {
  readonly shape: Shape;
  readonly dtype: "f32" | "i32";
  readonly values: Values;
  /** A gradient is defined for it. */
  readonly differentiable: boolean;
}

export interface Sample<A> {
  readonly inputs: readonly SampleInput[];
  readonly attrs: A;
}

let count = 0;
const random = () => stream(1, `sample ${count++}`);
export const floats = (shape: Shape, values: Values): SampleInput => ({
  shape,
  dtype: "f32",
  values,
  differentiable: true,
});

export function normal(...shape: number[]): SampleInput {
  const { normal } = random();
  return floats(shape, Float32Array.from({ length: size(shape) }, normal));
}
export const positive = (...shape: number[]): SampleInput => {
  const input = normal(...shape);
  return { ...input, values: Float32Array.from(input.values, (x) => 0.1 + Math.abs(x)) };
};
export const given = (...values: number[]): SampleInput => floats([values.length], Float32Array.from(values));
export const scalar = (value: number): SampleInput => floats([], Float32Array.of(value));
export const fixed = (input: SampleInput): SampleInput => ({ ...input, differentiable: false });

/** Ids below `limit`; with more ids than that, some come twice. */
export function ids(n: number, limit: number): SampleInput {
  const { below } = random();
  const values = Int32Array.from({ length: n }, () => below(limit));
  return { shape: [n], dtype: "i32", values, differentiable: false };
}

/** Given token ids, counts or the like, of any shape. */
export const integers = (shape: Shape, values: readonly number[]): SampleInput => ({
  shape,
  dtype: "i32",
  values: Int32Array.from(values),
  differentiable: false,
});
export const counts = (...values: number[]): SampleInput => integers([values.length], values);

/** Rows of different numbers far enough apart that a small step changes no order; or the given rows, with ties. */
export function scores(n: number, e: number): SampleInput {
  const { below, normal } = random();
  const values = Float32Array.from({ length: n * e }, (_, i) => (i % e) + 0.1 * normal());
  for (let i = n * e - 1; i > 0; i--) {
    const j = i - (i % e) + below((i % e) + 1);
    [values[i], values[j]] = [values[j]!, values[i]!];
  }
  return floats([n, e], values);
}
export const tied = (n: number, e: number, ...values: number[]): SampleInput =>
  fixed(floats([n, e], Float32Array.from(values)));

/** A routing of n tokens to k of e experts each, the last expert idle where there are more than k. */
export function routing(n: number, k: number, e: number) {
  const busy = e > k ? e - 1 : e;
  const { below } = random();
  const chosen = Array.from(
    { length: n * k },
    (_, i) => (i % k) + k * below(Math.floor((busy - (i % k) - 1) / k) + 1),
  );
  const order = chosen.map((_, s) => s).sort((a, b) => chosen[a]! - chosen[b]! || a - b);
  const position = chosen.map((_, s) => order.indexOf(s));
  return {
    chosen: integers([n, k], chosen),
    order: integers([n * k], order),
    position: integers([n * k], position),
    counts: counts(...Array.from({ length: e }, (_, x) => chosen.filter((c) => c === x).length)),
  };
}
