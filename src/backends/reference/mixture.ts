/**
 * The ops of a mixture of experts, said as plainly as those in kernels.ts.
 * Letters: N tokens, E experts, k per token, S = N k slots, D, K and M widths; each formula stands in the op's own file.
 */
import type { AttrsOf, PrimitiveName } from "../../ops/index.ts";
import type { Array64, Kernel } from "./kernel.ts";

export const mixture = {
  softmax({ inputs: [t] }, [x], [p]) {
    const width = t!.shape.at(-1)!;
    for (let at = 0; at < x!.length; at += width) {
      const lse = logSumExp(x!, at, width);
      for (let j = 0; j < width; j++) p![at + j] = Math.exp(x![at + j]! - lse);
    }
  },

  topK({ inputs: [t], attrs: { k } }, [p], [values, experts]) {
    const [rows, width] = t!.shape as [number, number];
    for (let n = 0; n < rows; n++) {
      const left = Array.from({ length: width }, (_, e) => e);
      for (let j = 0; j < k; j++) {
        let best = left[0]!;
        for (const e of left) {
          const [x, y] = [p![n * width + e]!, p![n * width + best]!];
          if (x > y || (Number.isNaN(y) && !Number.isNaN(x))) best = e;
        }
        left.splice(left.indexOf(best), 1);
        values![n * k + j] = p![n * width + best]!;
        experts![n * k + j] = best;
      }
    }
  },

  topKGrad({ inputs: [t], attrs: { columns } }, [dvalues, experts], [dp]) {
    const k = t!.shape[1]!;
    for (let s = 0; s < dvalues!.length; s++) dp![Math.floor(s / k) * columns + experts![s]!] = dvalues![s]!;
  },

  route({ attrs }, [chosen], [order, position, counts]) {
    let at = 0;
    for (let e = 0; e < attrs.experts; e++) {
      for (let s = 0; s < chosen!.length; s++) {
        if (chosen![s] !== e) continue;
        order![at] = s;
        position![s] = at;
        counts![e]!++;
        at++;
      }
    }
  },

  dispatch({ inputs: [t], attrs: { k } }, [x, order], [xs]) {
    const d = t!.shape[1]!;
    for (let s = 0; s < order!.length; s++) {
      const token = Math.floor(order![s]! / k);
      for (let i = 0; i < d; i++) xs![s * d + i] = x![token * d + i]!;
    }
  },

  gatherSum({ outputs: [t], attrs: { k } }, [dxs, position], [dx]) {
    const [rows, d] = t!.shape as [number, number];
    for (let n = 0; n < rows; n++) {
      for (let j = 0; j < k; j++) {
        const s = position![n * k + j]!;
        for (let i = 0; i < d; i++) dx![n * d + i]! += dxs![s * d + i]!;
      }
    }
  },

  groupedMatmul({ inputs: [ta], outputs: [ty], attrs: { transB } }, [a, counts, ...weights], [y]) {
    const [k, m] = [ta!.shape[1]!, ty!.shape[1]!];
    const [stepK, stepM] = transB ? [1, k] : [m, 1];
    forEachRow(counts!, (e, s) => {
      for (let l = 0; l < k; l++) {
        for (let i = 0; i < m; i++) y![s * m + i]! += a![s * k + l]! * weights[e]![l * stepK + i * stepM]!;
      }
    });
  },

  groupedMatmulGrad({ inputs: [tl, tr] }, [left, right, counts], dw) {
    const [m, k] = [tl!.shape[1]!, tr!.shape[1]!];
    forEachRow(counts!, (e, s) => {
      for (let i = 0; i < m; i++) {
        for (let l = 0; l < k; l++) dw[e]![i * k + l]! += left![s * m + i]! * right![s * k + l]!;
      }
    });
  },

  combine({ outputs: [t], inputs: [, tw] }, [ys, weights, , position], [y]) {
    const [d, k] = [t!.shape[1]!, tw!.shape[1]!];
    for (let slot = 0; slot < position!.length; slot++) {
      const [n, s] = [Math.floor(slot / k), position![slot]!];
      for (let i = 0; i < d; i++) y![n * d + i]! += weights![slot]! * ys![s * d + i]!;
    }
  },

  combineGrad({ inputs: [t, , tw] }, [dy, ys, weights, , position], [dys, dweights]) {
    const [d, k] = [t!.shape[1]!, tw!.shape[1]!];
    for (let slot = 0; slot < position!.length; slot++) {
      const [n, s] = [Math.floor(slot / k), position![slot]!];
      for (let i = 0; i < d; i++) {
        dys![s * d + i] = weights![slot]! * dy![n * d + i]!;
        dweights![slot]! += dy![n * d + i]! * ys![s * d + i]!;
      }
    }
  },

  normalizeRows({ inputs: [t] }, [w], [y]) {
    const k = t!.shape[1]!;
    for (let at = 0; at < w!.length; at += k) {
      let sum = 0;
      for (let j = 0; j < k; j++) sum += w![at + j]!;
      for (let j = 0; j < k; j++) y![at + j] = w![at + j]! / sum;
    }
  },

  normalizeRowsGrad({ inputs: [t] }, [dy, w], [dw]) {
    const k = t!.shape[1]!;
    for (let at = 0; at < w!.length; at += k) {
      let [sum, dot] = [0, 0];
      for (let j = 0; j < k; j++) {
        sum += w![at + j]!;
        dot += dy![at + j]! * w![at + j]!;
      }
      for (let j = 0; j < k; j++) dw![at + j] = (dy![at + j]! - dot / sum) / sum;
    }
  },

  balanceLoss({ inputs: [t] }, [p, counts], [loss]) {
    const [rows, width] = t!.shape as [number, number];
    for (let i = 0; i < p!.length; i++) loss![0]! += (counts![i % width]! * p![i]!) / rows;
  },

  balanceLossGrad({ attrs: { tokens } }, [dloss, counts], [dp]) {
    for (let i = 0; i < dp!.length; i++) dp![i] = (dloss![0]! * counts![i % counts!.length]!) / tokens;
  },

  zLoss({ inputs: [t] }, [x], [loss]) {
    const width = t!.shape[1]!;
    for (let at = 0; at < x!.length; at += width) loss![0]! += logSumExp(x!, at, width) ** 2;
  },

  zLossGrad({ outputs: [t] }, [dloss, x], [dx]) {
    const width = t!.shape[1]!;
    for (let at = 0; at < x!.length; at += width) {
      const lse = logSumExp(x!, at, width);
      for (let j = 0; j < width; j++) dx![at + j] = 2 * dloss![0]! * lse * Math.exp(x![at + j]! - lse);
    }
  },

  rowEntropy({ inputs: [t] }, [p], [h]) {
    for (const x of p!) if (x > 0) h![0]! -= (x * Math.log(x)) / t!.shape[0]!;
  },
} satisfies { readonly [N in PrimitiveName]?: Kernel<AttrsOf<N>> };

/** Every row with its expert: the counts[0] rows of expert 0, then those of expert 1, ... */
function forEachRow(counts: Array64, visit: (expert: number, row: number) => void): void {
  let row = 0;
  counts.forEach((count, e) => {
    for (const end = row + count; row < end; row++) visit(e, row);
  });
}

function logSumExp(x: Array64, at: number, width: number): number {
  let max = -Infinity;
  for (let j = 0; j < width; j++) max = Math.max(max, x[at + j]!);
  let sum = 0;
  for (let j = 0; j < width; j++) sum += Math.exp(x[at + j]! - max);
  return max + Math.log(sum);
}
