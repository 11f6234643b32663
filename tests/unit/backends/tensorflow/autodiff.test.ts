/**
 * A second oracle of our gradients: TensorFlow.js differentiates the forward lowering of every op by its own rules, and
 * our backward nodes, run by the engine, must agree. Finite differences (tests/conformance) are the first.
 */
import type { Tensor as TfTensor } from "@tensorflow/tfjs";
import { describe, expect, test } from "vitest";
import { Constants } from "../../../../src/backends/tensorflow/constants.ts";
import { here, load } from "../../../../src/backends/tensorflow/load.ts";
import { toTf } from "../../../../src/backends/tensorflow/lowering.ts";
import { tensorflow } from "../../../../src/backends/tensorflow/tensorflow.ts";
import { walk } from "../../../../src/backends/tensorflow/walk.ts";
import { backward } from "../../../../src/graph/backward.ts";
import { GraphBuilder } from "../../../../src/graph/builder.ts";
import { type Graph, type Op, size, type Tensor } from "../../../../src/graph/graph.ts";
import { stream } from "../../../../src/lib/prng.ts";
import { add } from "../../../../src/ops/add.ts";
import { fill } from "../../../../src/ops/fill.ts";
import { ops } from "../../../../src/ops/index.ts";
import { matmul } from "../../../../src/ops/matmul.ts";
import { reshape } from "../../../../src/ops/reshape.ts";
import { plan } from "../../../../src/plan/plan.ts";
import { applied, feedsOf, runOnce } from "../../../conformance/run.ts";
import { allSamples, type NamedSample } from "../../../conformance/samples.ts";
import { expectClose, TOLERANCE } from "../../../conformance/tolerance.ts";

/** Indices of the inputs that have a gradient. */
const differentiable = ({ sample }: NamedSample): readonly number[] =>
  sample.inputs.flatMap((input, i) => (input.differentiable ? [i] : []));

/** TensorFlow.js would differentiate the choice itself; a gradient of 0 leaves nothing to measure rounding by. */
const without = ({ name, sample: { inputs } }: NamedSample): boolean =>
  name === "topK" || (name === "normalizeRows" && inputs[0]!.shape[1] === 1);

const withGradient = allSamples.filter(
  (named) =>
    (ops[named.name] as Op).grad !== undefined && !without(named) && differentiable(named).length > 0,
);

/** loss = first output . c, for random c that stand in for the gradient from above. */
function lossOf(b: GraphBuilder, named: NamedSample) {
  const { inputs, outputs } = applied(b, named);
  const n = size(outputs[0]!.shape);
  const c = b.feed("c", [n, 1]);
  const loss = reshape(b.emit, matmul(b.emit, reshape(b.emit, outputs[0]!, [1, n]), c), []);
  b.output("loss", loss);
  return { inputs, loss };
}

const available = await tensorflow.available();

describe.skipIf(!available.ok)("TensorFlow.js's own gradients", () => {
  test("are asked for every op that has a gradient", () => {
    const sampled = new Set(withGradient.map(({ name }) => name));
    const expected = Object.values<Op>(ops).filter((op) => op.grad !== undefined);
    expect([...sampled, "fill", "topK"].sort()).toEqual(expected.map((op) => op.name).sort());
  });

  test.each(withGradient)("$title", async (named) => {
    const b = new GraphBuilder(tensorflow.nativeOps);
    const { inputs, loss } = lossOf(b, named);
    const { normal } = stream(4, named.title);
    const [last] = [...b.finish().feeds.values()].slice(-1);
    const feeds = { ...feedsOf(named), c: Float32Array.from({ length: size(last!.shape) }, normal) };
    const gradients = backward(b, loss, inputs, { add, fill });
    for (const i of differentiable(named)) b.output(`${i}`, gradients[i]!);

    const ours = await runOnce(tensorflow, b.finish(), feeds);
    const theirs = await autodiff(named, feeds);
    for (const [name, want] of Object.entries(theirs))
      expectClose(`d loss / d input ${name}`, ours[name]!, want, 2 * TOLERANCE.f32);
  });
});

/** The gradient of the loss by tf.grads, which sees nothing but the forward lowerings. */
async function autodiff(named: NamedSample, feeds: Readonly<Record<string, ArrayLike<number>>>) {
  const found = await load(here);
  if (!found.ok) throw new Error(found.why);
  const { tf } = found;
  const b = new GraphBuilder(tensorflow.nativeOps);
  lossOf(b, named);
  const graph = b.finish();
  const wanted = differentiable(named);
  const constants = new Constants(tf);
  const leaf = ([name, t]: readonly [string, Tensor]) => toTf(tf, t, feeds[name]!);
  const forward = (...moving: TfTensor[]): TfTensor => {
    const values = new Map([...graph.feeds].map((feed) => [feed[1], leaf(feed)] as const));
    wanted.forEach((i, k) => {
      values.set(graph.feeds.get(`${i}`)!, moving[k]!);
    });
    walk(constants, forever(graph), values);
    // tf.grads wants every input to reach the loss: the matrices of an expert without tokens do not.
    const nothing = moving.map((x) => tf.mul(tf.sum(x), 0));
    return tf.addN([values.get(graph.outputs.get("loss")!)!, ...nothing]);
  };
  const at = wanted.map((i) => leaf([`${i}`, graph.feeds.get(`${i}`)!]));
  const before = tf.memory().numTensors;
  const gradients = tf.tidy(() => tf.grads(forward)(at));
  const results = wanted.map((i, k) => [`${i}`, gradients[k]!.dataSync()] as const);
  tf.dispose([...at, ...gradients]);
  constants.close();
  expect(tf.memory().numTensors, "no tensor is left behind").toBe(before - at.length);
  return Object.fromEntries(results);
}

/** The plan with nothing dying: TensorFlow.js's tape needs the values until it has gone back over them. */
const forever = (graph: Graph) => ({ ...plan(graph), dying: graph.nodes.map(() => []) });
