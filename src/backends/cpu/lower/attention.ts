/**
 * Causal attention by blocks of rows: rows r0..r1 see keys 0..r1 only, so what lies right of the diagonal blocks is
 * never computed: with four blocks, 3/8 of the work. The backward pass makes its probabilities again, block by block.
 */
import type { Tensor } from "../../../graph/graph.ts";
import { int, ints } from "../onnx/attribute.ts";
import type { OnnxGraph, Value } from "../onnx/onnx-graph.ts";
import { deterministicMatmul, type Extent, type MatmulOptions } from "./deterministic-matmul.ts";
import type { Lowering } from "./lowering.ts";

const MOST_BLOCKS = 4;
const FEWEST_ROWS = 128;

/** Rows from..to of every head. */
interface Block {
  readonly from: number;
  readonly to: number;
}

export const attention: Lowering<unknown> = (onnx, { inputs: [q, k] }, [qv, kv, vv]) => {
  const a = new BlockedAttention(onnx, q!, k!);
  const [queries, keys, values] = [qv!, kv!, vv!].map((x) => a.byHead(x)) as [Value, Value, Value];
  const parts = a.blocks.map((block) => {
    const p = a.probabilities(block, queries, keys);
    const rows = a.stack(block, p, block.to);
    return a.unstack(block, a.matmul([rows, a.seen(block, values)], a.extent(block, a.d, block.to)), a.d);
  });
  return [a.byHead(a.concat(parts))];
};

export const attentionGrad: Lowering<unknown> = (onnx, { inputs: [, q, k] }, inputs) => {
  const a = new BlockedAttention(onnx, q!, k!);
  const [dctx, queries, keys, values, ctx] = inputs.map((x) => a.byHead(x)) as [
    Value,
    Value,
    Value,
    Value,
    Value,
  ];
  const dots = onnx.node("ReduceSum", [onnx.node("Mul", [dctx, ctx]), onnx.vector([-1])]);
  const alpha = a.alpha;
  const parts = a.blocks.map((block) => {
    const p = a.probabilities(block, queries, keys);
    const dy = a.stack(block, a.rowsOf(block, dctx), a.d);
    const dp = a.unstack(
      block,
      a.matmul([dy, a.seen(block, values)], a.extent(block, block.to, a.d), { transB: true }),
      block.to,
    );
    const ds = onnx.node("Mul", [p, onnx.node("Sub", [dp, a.rowsOf(block, dots)])]);
    const rows = a.stack(block, ds, block.to);
    const query = a.stack(block, a.rowsOf(block, queries), a.d);
    return {
      dq: a.unstack(
        block,
        a.matmul([rows, a.seen(block, keys)], a.extent(block, a.d, block.to), { alpha }),
        a.d,
      ),
      dk: a.padded(block, a.matmul([rows, query], a.turned(block), { transA: true, alpha })),
      dv: a.padded(block, a.matmul([a.stack(block, p, block.to), dy], a.turned(block), { transA: true })),
    };
  });
  const total = (values: readonly Value[]) => values.reduce((sum, x) => onnx.node("Add", [sum, x]));
  const dq = a.concat(parts.map((part) => part.dq));
  return [dq, total(parts.map((part) => part.dk)), total(parts.map((part) => part.dv))].map((x) =>
    a.byHead(x),
  );
};

/** The steps both directions share. B sequences, H query heads, K key heads, T tokens, d per head. */
class BlockedAttention {
  readonly blocks: readonly Block[];
  readonly d: number;
  readonly alpha: number;
  readonly #onnx: OnnxGraph;
  readonly #b: number;
  readonly #t: number;
  readonly #h: number;
  readonly #k: number;

  constructor(onnx: OnnxGraph, q: Tensor, k: Tensor) {
    const [b, t, h, d] = q.shape as [number, number, number, number];
    this.#onnx = onnx;
    this.#b = b;
    this.#t = t;
    this.#h = h;
    this.#k = k.shape[2]!;
    this.d = d;
    this.alpha = 1 / Math.sqrt(d);
    const count = Math.min(MOST_BLOCKS, Math.max(1, Math.floor(t / FEWEST_ROWS)));
    this.blocks = Array.from({ length: count }, (_, i) => ({
      from: Math.floor((i * t) / count),
      to: Math.floor(((i + 1) * t) / count),
    }));
  }

  /** [B, T, heads, x] to [B, heads, T, x] and back. */
  byHead(x: Value): Value {
    return this.#onnx.node("Transpose", [x], { perm: ints([0, 2, 1, 3]) });
  }

  /** Of products whose left side has the block's rows, one for each key head. */
  extent({ from, to }: Block, columns: number, terms: number): Extent {
    return { rows: (this.#h / this.#k) * (to - from), columns, terms };
  }

  /** Of those whose left side has them transposed. */
  turned(block: Block): Extent {
    return { rows: block.to, columns: this.d, terms: this.extent(block, 0, 0).rows };
  }

  matmul(sides: readonly [Value, Value], extent: Extent, attrs: MatmulOptions = {}): Value {
    return deterministicMatmul(this.#onnx, sides, extent, attrs, 4);
  }

  /** Softmax of the block's scores: [B, H, rows, to]. */
  probabilities(block: Block, queries: Value, keys: Value): Value {
    const { from, to } = block;
    const query = this.stack(block, this.rowsOf(block, queries), this.d);
    const scores = this.matmul([query, this.seen(block, keys)], this.extent(block, to, this.d), {
      transB: true,
      alpha: this.alpha,
    });
    const s = this.unstack(block, scores, to);
    const mask = this.#onnx.floats(`mask from ${from}`, [to - from, to], () =>
      Float32Array.from({ length: (to - from) * to }, (_, i) =>
        i % to > from + Math.floor(i / to) ? -Infinity : 0,
      ),
    );
    return this.#onnx.node("Softmax", [this.#onnx.node("Add", [s, mask])], { axis: int(-1) });
  }

  /** The block's rows of [B, heads, T, x]. */
  rowsOf({ from, to }: Block, x: Value): Value {
    return this.#slice(x, from, to);
  }

  /** The keys or values that the block sees. */
  seen({ to }: Block, x: Value): Value {
    return this.#slice(x, 0, to);
  }

  /** [B, H, rows, x] -> [B, K, G rows, x]: the query heads of one key head as rows of one matrix. */
  stack({ from, to }: Block, x: Value, width: number): Value {
    return this.#reshape(x, [this.#b, this.#k, (this.#h / this.#k) * (to - from), width]);
  }

  unstack({ from, to }: Block, x: Value, width: number): Value {
    return this.#reshape(x, [this.#b, this.#h, to - from, width]);
  }

  /** Zero rows for the keys that the block does not see. */
  padded({ to }: Block, x: Value): Value {
    if (to === this.#t) return x;
    return this.#onnx.node("Pad", [x, this.#onnx.vector([0, 0, 0, 0, 0, 0, this.#t - to, 0])]);
  }

  concat(parts: readonly Value[]): Value {
    return parts.length === 1 ? parts[0]! : this.#onnx.node("Concat", parts, { axis: int(2) });
  }

  #slice(x: Value, from: number, to: number): Value {
    if (from === 0 && to === this.#t) return x;
    const axis = 2;
    return this.#onnx.node("Slice", [x, ...[from, to, axis].map((n) => this.#onnx.vector([n]))]);
  }

  #reshape(x: Value, shape: readonly number[]): Value {
    return this.#onnx.node("Reshape", [x, this.#onnx.vector(shape)]);
  }
}
