/**
 * What every op means, in f64 and as plainly as it can be said: the definition all engines are tested against.
 * Letters: N rows, D last axis, V vocabulary, T tokens, H heads; each formula stands in the op's own file.
 */
import { clipped } from "../../ops/clip-coefficient.ts";
import type { AttrsOf, PrimitiveName } from "../../ops/index.ts";
import { ropeTable } from "../../ops/rope.ts";
import { columns } from "./columns.ts";
import { elementwise } from "./elementwise.ts";
import type { Kernel } from "./kernel.ts";
import { matmul } from "./matmul.ts";
import { mixture } from "./mixture.ts";
import { transpose } from "./transpose.ts";

type KernelTable = { readonly [N in PrimitiveName]: Kernel<AttrsOf<N>> };

const last = (shape: readonly number[]): number => shape.at(-1)!;

export const kernels: KernelTable = {
  matmul,
  transpose,
  ...mixture,
  ...elementwise,
  ...columns,

  add(_, [a, b], [y]) {
    for (let i = 0; i < y!.length; i++) y![i] = a![i]! + b![i]!;
  },

  scale({ attrs: { factor } }, [x], [y]) {
    for (let i = 0; i < y!.length; i++) y![i] = factor * x![i]!;
  },

  fill({ attrs: { value } }, _, [y]) {
    y!.fill(value);
  },

  reshape(_, [x], [y]) {
    y!.set(x!);
  },

  center({ inputs: [t] }, [x], [y]) {
    const d = last(t!.shape);
    for (let row = 0; row < x!.length; row += d) {
      let mean = 0;
      for (let j = 0; j < d; j++) mean += x![row + j]! / d;
      for (let j = 0; j < d; j++) y![row + j] = x![row + j]! - mean;
    }
  },

  rmsNorm({ inputs: [t], attrs: { eps } }, [x, g], [y, r]) {
    const d = last(t!.shape);
    for (let n = 0; n < r!.length; n++) {
      let square = 0;
      for (let j = 0; j < d; j++) square += x![n * d + j]! ** 2;
      r![n] = 1 / Math.sqrt(square / d + eps);
      for (let j = 0; j < d; j++) y![n * d + j] = g![j]! * x![n * d + j]! * r![n]!;
    }
  },

  rmsNormGrad({ inputs: [, t] }, [dy, x, g, r], [dx, dg]) {
    const d = last(t!.shape);
    for (let n = 0; n < r!.length; n++) {
      let mean = 0;
      for (let j = 0; j < d; j++) {
        const i = n * d + j;
        const normalized = x![i]! * r![n]!;
        mean += (g![j]! * dy![i]! * normalized) / d;
        dg![j]! += dy![i]! * normalized;
      }
      for (let j = 0; j < d; j++) {
        const i = n * d + j;
        dx![i] = r![n]! * (g![j]! * dy![i]! - x![i]! * r![n]! * mean);
      }
    }
  },

  swiglu(_, [gate, up], [y]) {
    for (let i = 0; i < y!.length; i++) y![i] = gate![i]! * sigmoid(gate![i]!) * up![i]!;
  },

  swigluGrad(_, [dy, gate, up], [dgate, dup]) {
    for (let i = 0; i < dgate!.length; i++) {
      const z = gate![i]!;
      const s = sigmoid(z);
      dgate![i] = dy![i]! * up![i]! * s * (1 + z * (1 - s));
      dup![i] = dy![i]! * z * s;
    }
  },

  rope({ inputs: [t], attrs: { theta, inverse } }, [x], [y]) {
    const [batch, tokens, heads, d] = t!.shape as [number, number, number, number];
    const half = d / 2;
    const { cos, sin } = ropeTable(tokens, d, theta);
    for (let n = 0; n < batch * tokens * heads; n++) {
      const position = Math.floor(n / heads) % tokens;
      for (let i = 0; i < half; i++) {
        const c = cos[position * half + i]!;
        const s = inverse ? -sin[position * half + i]! : sin[position * half + i]!;
        const [low, high] = [x![n * d + i]!, x![n * d + i + half]!];
        y![n * d + i] = low * c - high * s;
        y![n * d + i + half] = high * c + low * s;
      }
    }
  },

  causalSoftmax({ inputs: [t] }, [s], [p]) {
    const width = last(t!.shape);
    for (let row = 0; row < s!.length / width; row++) {
      const at = row * width;
      const visible = (row % width) + 1;
      const max = largest(s!, at, visible);
      let total = 0;
      for (let j = 0; j < visible; j++) total += Math.exp(s![at + j]! - max);
      for (let j = 0; j < visible; j++) p![at + j] = Math.exp(s![at + j]! - max) / total;
    }
  },

  softmaxGrad({ inputs: [t] }, [dp, p], [ds]) {
    const width = last(t!.shape);
    for (let at = 0; at < p!.length; at += width) {
      let dot = 0;
      for (let j = 0; j < width; j++) dot += p![at + j]! * dp![at + j]!;
      for (let j = 0; j < width; j++) ds![at + j] = p![at + j]! * (dp![at + j]! - dot);
    }
  },

  embedding({ outputs: [t] }, [table, ids], [y]) {
    const d = last(t!.shape);
    for (let n = 0; n < ids!.length; n++) {
      const row = table!.subarray(ids![n]! * d, (ids![n]! + 1) * d);
      y!.set(row as Float64Array, n * d);
    }
  },

  embeddingGrad({ inputs: [t] }, [dy, ids], [dtable]) {
    const d = last(t!.shape);
    for (let n = 0; n < ids!.length; n++) {
      for (let j = 0; j < d; j++) dtable![ids![n]! * d + j]! += dy![n * d + j]!;
    }
  },

  crossEntropy({ inputs: [t] }, [logits, targets, weights], [loss, logp]) {
    const v = last(t!.shape);
    for (let n = 0; n < targets!.length; n++) {
      const max = largest(logits!, n * v, v);
      let total = 0;
      for (let j = 0; j < v; j++) total += Math.exp(logits![n * v + j]! - max);
      const logTotal = max + Math.log(total);
      for (let j = 0; j < v; j++) logp![n * v + j] = logits![n * v + j]! - logTotal;
      loss![0]! -= weights![n]! * logp![n * v + targets![n]!]!;
    }
  },

  crossEntropyGrad({ outputs: [t] }, [logp, targets, weights, dloss], [dlogits]) {
    const v = last(t!.shape);
    for (let n = 0; n < targets!.length; n++) {
      const w = weights![n]! * dloss![0]!;
      for (let j = 0; j < v; j++) dlogits![n * v + j] = w * Math.exp(logp![n * v + j]!);
      dlogits![n * v + targets![n]!]! -= w;
    }
  },

  tokenLosses({ inputs: [t] }, [logits, targets], [losses, correct]) {
    const v = last(t!.shape);
    for (let n = 0; n < targets!.length; n++) {
      const chosen = logits![n * v + targets![n]!]!;
      const max = largest(logits!, n * v, v);
      let total = 0;
      let argmax = true;
      for (let j = 0; j < v; j++) {
        const x = logits![n * v + j]!;
        total += Math.exp(x - max);
        argmax &&= x < chosen || (x === chosen && j >= targets![n]!);
      }
      losses![n] = max + Math.log(total) - chosen;
      correct![n] = argmax ? 1 : 0;
    }
  },

  sumSquares(_, [x], [s]) {
    for (const value of x!) s![0]! += value * value;
  },

  clipCoefficient({ attrs: { maxNorm } }, squares, [c]) {
    const squaredNorms = squares.map(([s]) => s!);
    c![0] = clipped(squaredNorms, maxNorm).coefficient;
  },

  adamUpdate({ attrs }, [p, g, m, v, clip, rates], [p2, m2, v2]) {
    const { beta1, beta2, eps, weightDecay, decoupled } = attrs;
    const [lr, correction1, correction2] = rates as Float64Array & [number, number, number];
    for (let i = 0; i < p!.length; i++) {
      const gradient = g![i]! * clip![0]! + (decoupled ? 0 : weightDecay * p![i]!);
      m2![i] = beta1 * m![i]! + (1 - beta1) * gradient;
      v2![i] = beta2 * v![i]! + (1 - beta2) * gradient * gradient;
      const kept = decoupled ? p![i]! * (1 - lr * weightDecay) : p![i]!;
      p2![i] = kept - (lr * (m2![i]! / correction1)) / (Math.sqrt(v2![i]! / correction2) + eps);
    }
  },
};

const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));

function largest(x: ArrayLike<number>, at: number, count: number): number {
  let max = -Infinity;
  for (let j = 0; j < count; j++) max = Math.max(max, x[at + j]!);
  return max;
}

/** The kernel of an op that came out of a graph. */
export function kernelOf(name: string): Kernel<unknown> {
  const kernel = (kernels as Readonly<Record<string, Kernel<never> | undefined>>)[name];
  if (kernel === undefined) throw new Error(`reference has no kernel for ${name}`);
  return kernel as Kernel<unknown>;
}
