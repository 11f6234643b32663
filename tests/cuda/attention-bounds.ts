/** What the attention kernels are held to: the reference engine's values, and how far bf16 may be from them. */
import { reference } from "../../src/backends/reference/reference.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { size } from "../../src/graph/graph.ts";
import { stream } from "../../src/lib/prng.ts";
import { attention, attentionGrad } from "../../src/ops/attention.ts";
import { NONE } from "../../src/ops/define.ts";
import { runOnce } from "../conformance/run.ts";
import { fromBf16, type Host, toBf16 } from "./lowered.ts";

export interface Sizes {
  readonly b: number;
  readonly t: number;
  readonly h: number;
  readonly kv: number;
  readonly d: number;
}

export interface Inputs {
  readonly q: Host;
  readonly k: Host;
  readonly v: Host;
  readonly dout: Host;
}

/** Standard normal values that bf16 can hold. */
export function inputs({ b, t, h, kv, d }: Sizes): Inputs {
  const random = stream(1, `attention ${b} ${t} ${h} ${kv} ${d}`);
  const normal = (heads: number): Host => {
    const shape = [b, t, heads, d];
    const values = Float32Array.from({ length: size(shape) }, () => random.normal());
    return { shape, values: fromBf16(toBf16(values)) };
  };
  return { q: normal(h), k: normal(kv), v: normal(kv), dout: normal(h) };
}

export const NAMES = ["out", "dq", "dk", "dv"] as const;
export type Results = Readonly<Record<(typeof NAMES)[number], Float32Array | Float64Array>>;

/** The same in f64 by the ops that attention expands to. */
export async function onReference({ q, k, v, dout }: Inputs): Promise<Results> {
  const b = new GraphBuilder();
  const [tq, tk, tv] = [b.feed("q", q.shape), b.feed("k", k.shape), b.feed("v", v.shape)];
  const [out] = b.emit(attention, [tq, tk, tv], NONE);
  const grads = b.emit(attentionGrad, [b.feed("dout", dout.shape), tq, tk, tv, out!], NONE);
  [out!, ...grads].forEach((t, i) => {
    b.output(NAMES[i]!, t);
  });
  const feeds = { q: q.values, k: k.values, v: v.values, dout: dout.values };
  return (await runOnce(reference, b.finish(), feeds)) as unknown as Results;
}

/** Relative error of rounding to bf16: 8 significant bits. */
const U = 2 ** -8;
/**
 * What rounding p, ds and the results to bf16 (and nothing else) can do at most, element by element, to first order:
 *   e(out) = U (p |v| + |out|),  e(delta) = |dout| . e(out),  e(ds) = U |ds| + p e(delta),
 *   e(dq) = e(ds) |k| + U |dq|,  e(dk) = e(ds)^T |q| + U |dk|,  e(dv) = U (p^T |dout| + |dv|).
 */
export function bounds(
  { b, t, h, kv, d }: Sizes,
  { q, k, v, dout }: Inputs,
  want: Results,
): Results & { lse: Float64Array } {
  const zeros = (n: number) => new Float64Array(n);
  const e = {
    out: zeros(b * t * h * d),
    dq: zeros(b * t * h * d),
    dk: zeros(b * t * kv * d),
    dv: zeros(b * t * kv * d),
  };
  const lse = zeros(b * h * t);
  const root = 1 / Math.sqrt(d);
  for (let row = 0; row < b * t * h; row++) {
    const [sequence, i, head] = [Math.floor(row / (t * h)), Math.floor(row / h) % t, row % h];
    const keyAt = (j: number) => ((sequence * t + j) * kv + Math.floor((head * kv) / h)) * d;
    const dot = (x: Float32Array, y: Float32Array, at: number) => {
      let sum = 0;
      for (let c = 0; c < d; c++) sum += x[row * d + c]! * y[at + c]!;
      return sum;
    };
    const s = Array.from({ length: i + 1 }, (_, j) => dot(q.values, k.values, keyAt(j)) * root);
    const top = Math.max(...s);
    const logSum = top + Math.log(s.reduce((sum, x) => sum + Math.exp(x - top), 0));
    lse[(sequence * h + head) * t + i] = logSum * Math.LOG2E;
    const p = s.map((x) => Math.exp(x - logSum));
    p.forEach((weight, j) => {
      for (let c = 0; c < d; c++) {
        e.out[row * d + c]! += weight * Math.abs(v.values[keyAt(j) + c]!);
        e.dv[keyAt(j) + c]! += weight * Math.abs(dout.values[row * d + c]!);
      }
    });
    let delta = 0;
    let errorOfDelta = 0;
    for (let c = row * d; c < row * d + d; c++) {
      delta += dout.values[c]! * want.out[c]!;
      errorOfDelta += Math.abs(dout.values[c]!) * U * (e.out[c]! + Math.abs(want.out[c]!));
    }
    p.forEach((weight, j) => {
      const ds = weight * Math.abs(dot(dout.values, v.values, keyAt(j)) - delta);
      const error = (ds + (weight * errorOfDelta) / U) * root;
      for (let c = 0; c < d; c++) {
        e.dq[row * d + c]! += error * Math.abs(k.values[keyAt(j) + c]!);
        e.dk[keyAt(j) + c]! += error * Math.abs(q.values[row * d + c]!);
      }
    });
  }
  const total = (name: (typeof NAMES)[number]) => e[name].map((x, i) => U * (x + Math.abs(want[name][i]!)));
  return { out: total("out"), dq: total("dq"), dk: total("dk"), dv: total("dv"), lse };
}
