/**
 * What each kernel of warpgroups is tested on: a small graph that holds every op it computes, at a size that fills a
 * GPU and at one of ragged edges.
 */
import { GraphBuilder } from "../../../graph/builder.ts";
import type { Graph, Tensor } from "../../../graph/graph.ts";
import { stream } from "../../../lib/prng.ts";
import { add } from "../../../ops/add.ts";
import { attention, attentionGrad } from "../../../ops/attention.ts";
import { NONE } from "../../../ops/define.ts";
import { dispatch } from "../../../ops/dispatch.ts";
import { groupedMatmul, groupedMatmulGrad } from "../../../ops/grouped-matmul.ts";
import { type Routing, route } from "../../../ops/route.ts";
import { scale } from "../../../ops/scale.ts";
import { swiglu } from "../../../ops/swiglu.ts";
import { nativeOps } from "../lower/lowerings.ts";
import type { WarpgroupKernel } from "../lower/warpgroups.ts";

/** `each`: experts of each token. One expert more than `experts` says gets no token. */
export interface Sizes {
  readonly batch: number;
  readonly length: number;
  readonly heads: number;
  readonly keyHeads: number;
  readonly tokens: number;
  readonly each: number;
  readonly experts: number;
  readonly width: number;
  readonly hidden: number;
}

export interface Extents {
  /** Checked and timed. */
  readonly timed: Sizes;
  /** Checked alone. */
  readonly ragged: Sizes;
}

/**
 * Timed: thousands of tiles for 132 multiprocessors, several tenths of a millisecond. Ragged: parts of tiles in every
 * direction, keys that several heads share, experts of few rows.
 */
export const REAL: Extents = {
  timed: {
    batch: 2,
    length: 4096,
    heads: 16,
    keyHeads: 4,
    tokens: 4096,
    each: 4,
    experts: 7,
    width: 2048,
    hidden: 1024,
  },
  ragged: {
    batch: 2,
    length: 200,
    heads: 6,
    keyHeads: 2,
    tokens: 150,
    each: 2,
    experts: 4,
    width: 72,
    hidden: 136,
  },
};

/** All inputs are variables of random numbers, but for the feeds. */
export interface Case {
  readonly graph: Graph;
  readonly feeds: Readonly<Record<string, Int32Array>>;
  /** Of the variables: their standard deviation. */
  readonly spread: number;
  /** The ops whose time counts. */
  readonly ops: readonly string[];
}

export const caseOf = (kernel: WarpgroupKernel, sizes: Sizes): Case => CASES[kernel](sizes);

type MakeCase = (sizes: Sizes) => Case;

/**
 * Scores of queries and keys spread by 2: each row chooses among its keys, and the maximum of a few hundred rises late
 * by the 8 binary orders after which sums are rescaled. Wider, and roundings alone come near to what is allowed.
 */
const CHOOSING = 1.4;
/** Products of thousands of terms stay where SwiGLU bends. */
const BENDING = 0.25;

/** Forward feeds backward, so that what it keeps for it is looked at too. */
const attentionCase =
  (d: number, op: "attention" | "attentionGrad"): MakeCase =>
  ({ batch, length, heads, keyHeads }) => {
    const b = new GraphBuilder(nativeOps);
    const input = (name: string, h: number) => variable(b, name, batch, length, h, d);
    const [q, k, v] = [input("q", heads), input("k", keyHeads), input("v", keyHeads)];
    const ctx = attention(b.emit, q, k, v);
    const grads = b.emit(attentionGrad, [input("dctx", heads), q, k, v, ctx], NONE);
    return { graph: finished(b, [ctx, ...grads]), feeds: {}, spread: CHOOSING, ops: [op] };
  };

const expertCase =
  (make: (b: GraphBuilder, given: Experts) => readonly Tensor[], ...ops: readonly string[]): MakeCase =>
  (sizes) => {
    const { tokens, each, experts } = sizes;
    const { below } = stream(1, "warpgroups/experts");
    const b = new GraphBuilder(nativeOps);
    const routing = route(b.emit, b.feed("chosen", [tokens, each], "i32"), experts + 1);
    const chosen = Int32Array.from({ length: tokens * each }, () => below(experts));
    const skipping = chosen.map((e) => (e === 0 ? 0 : e + 1)); // none for expert 1
    const results = make(b, { ...sizes, slots: tokens * each, routing });
    return { graph: finished(b, results), feeds: { chosen: skipping }, spread: BENDING, ops };
  };

interface Experts extends Sizes {
  readonly slots: number;
  readonly routing: Routing;
}

/** Rows by expert, and gathered ones; matrices read as they are stored and transposed; two products' sum. */
const products = expertCase(
  (b, { slots, tokens, width, hidden, experts, routing }) => {
    const [up, gate] = ["up", "gate"].map((name) => matrices(b, name, experts + 1, hidden, width));
    const down = matrices(b, "down", experts + 1, width, hidden);
    const [h, dgate] = ["h", "dgate"].map((name) => variable(b, name, slots, hidden));
    const xs = dispatch(b.emit, variable(b, "x", tokens, width), routing);
    const back = ([rows, weights]: readonly [Tensor, readonly Tensor[]]) =>
      groupedMatmul(b.emit, rows, routing.counts, weights, { transB: false });
    return [
      groupedMatmul(b.emit, h!, routing.counts, down),
      scale(b.emit, 2, add(b.emit, back([h!, up!]), back([dgate!, gate!]))), // what is read back is not fused
      groupedMatmul(b.emit, xs, routing.counts, up!),
    ];
  },
  "groupedMatmul",
  "groupedMatmulSum",
  "gatheredMatmul",
);

/** Gradients of matrices, by rows of experts and by gathered ones. */
const gradients = expertCase(
  (b, { slots, tokens, width, hidden, routing }) => {
    const [h, dy] = [variable(b, "h", slots, hidden), variable(b, "dy", slots, width)];
    const xs = dispatch(b.emit, variable(b, "x", tokens, width), routing);
    return [
      ...b.emit(groupedMatmulGrad, [dy, h, routing.counts], NONE),
      ...b.emit(groupedMatmulGrad, [h, xs, routing.counts], NONE),
    ];
  },
  "groupedMatmulGrad",
  "gatheredMatmulGrad",
);

const swiglus = expertCase((b, { tokens, width, hidden, experts, routing }) => {
  const xs = dispatch(b.emit, variable(b, "x", tokens, width), routing);
  const [gate, up] = ["gate", "up"].map((name) =>
    groupedMatmul(b.emit, xs, routing.counts, matrices(b, name, experts + 1, hidden, width)),
  );
  return [swiglu(b.emit, gate!, up!), gate!, up!];
}, "expertSwiglu");

const CASES: Readonly<Record<WarpgroupKernel, MakeCase>> = {
  "grouped-matmul": products,
  "grouped-matmul-grad": gradients,
  "grouped-swiglu": swiglus,
  "attention-forward-64": attentionCase(64, "attention"),
  "attention-forward-96": attentionCase(96, "attention"),
  "attention-forward-128": attentionCase(128, "attention"),
  // The time of the whole gradient: of its kernels, one at a time is by warpgroups.
  "attention-grad-kv-64": attentionCase(64, "attentionGrad"),
  "attention-grad-kv-96": attentionCase(96, "attentionGrad"),
  "attention-grad-kv-128": attentionCase(128, "attentionGrad"),
  "attention-grad-q-64": attentionCase(64, "attentionGrad"),
  "attention-grad-q-96": attentionCase(96, "attentionGrad"),
  "attention-grad-q-128": attentionCase(128, "attentionGrad"),
};

/** Of kind weight: kernels read the bf16 in it as it lies, with no conversion that would be timed as theirs. */
const variable = (b: GraphBuilder, name: string, ...shape: readonly number[]): Tensor =>
  b.variable(`${name} ${shape.join("x")}`, shape, "weight");

const matrices = (b: GraphBuilder, name: string, experts: number, m: number, k: number): readonly Tensor[] =>
  Array.from({ length: experts }, (_, e) => variable(b, `${name} ${e}`, m, k));

function finished(b: GraphBuilder, results: readonly Tensor[]): Graph {
  results.forEach((t, i) => {
    b.output(`${i}`, t);
  });
  return b.finish();
}

/** A prime: of random numbers that repeat themselves, no two rows or tiles are alike. */
const PERIOD = 65_521;

/** Random numbers for a variable. */
export function numbersFor(name: string, elements: number, spread: number): Float32Array {
  const { normal } = stream(1, `warpgroups/${name}`);
  const values = new Float32Array(elements);
  const first = Math.min(PERIOD, elements);
  for (let i = 0; i < first; i++) values[i] = spread * normal();
  for (let i = first; i < elements; i += PERIOD) values.copyWithin(i, 0, Math.min(PERIOD, elements - i));
  return values;
}
