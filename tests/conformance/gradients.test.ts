/** Every gradient rule, on the reference in f64, against central differences. */
import { describe, test } from "vitest";
import { reference } from "../../src/backends/reference/reference.ts";
import { backward } from "../../src/graph/backward.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { type Graph, type Op, size } from "../../src/graph/graph.ts";
import { stream } from "../../src/lib/prng.ts";
import { add } from "../../src/ops/add.ts";
import { fill } from "../../src/ops/fill.ts";
import { ops } from "../../src/ops/index.ts";
import { matmul } from "../../src/ops/matmul.ts";
import { reshape } from "../../src/ops/reshape.ts";
import { plan } from "../../src/plan/plan.ts";
import { applied, feedsOf } from "./run.ts";
import { allSamples, type NamedSample } from "./samples.ts";
import { expectClose } from "./tolerance.ts";

const STEP = 1e-5;
const FD_TOLERANCE = 1e-7;

/** Loss = first output . c for random c; outputs `loss` and the gradient of each differentiable input. */
function gradientGraph(named: NamedSample): Graph {
  const b = new GraphBuilder();
  const { inputs, outputs } = applied(b, named);
  const n = size(outputs[0]!.shape);
  const c = b.feed("c", [n, 1]);
  const loss = reshape(b.emit, matmul(b.emit, reshape(b.emit, outputs[0]!, [1, n]), c), []);
  const gradients = backward(b, loss, inputs, { add, fill });
  b.output("loss", loss);
  named.sample.inputs.forEach(({ differentiable }, i) => {
    if (differentiable) b.output(`${i}`, gradients[i]!);
  });
  return b.finish();
}

/** Differences cost two runs a number: samples larger than this are left to the comparison of engines. */
const LARGEST = 1000;

const withGradient = allSamples.filter(({ name, sample: { inputs } }) => {
  const numbers = inputs.reduce((sum, t) => sum + size(t.shape), 0);
  return (ops[name] as Op).grad !== undefined && inputs.length > 0 && numbers <= LARGEST;
});

describe("gradients on reference", () => {
  test.each(withGradient)("$title", async (named) => {
    const graph = gradientGraph(named);
    const device = await reference.open({});
    const program = await device.compile(plan(graph));
    const { normal } = stream(2, named.title);
    const feeds = {
      ...Object.fromEntries(
        Object.entries(feedsOf(named)).map(([name, values]) => [name, Float64Array.from(values)]),
      ),
      c: Float64Array.from({ length: size(graph.feeds.get("c")!.shape) }, normal),
    };
    const lossAt = async (input: string, i: number, x: number) => {
      const moved = Float64Array.from(feeds[input as "c"]);
      moved[i] = x;
      const { loss } = await program.run({ ...feeds, [input]: moved });
      return loss![0]!;
    };
    const analytic = await program.run(feeds);
    for (const input of Object.keys(analytic).filter((name) => name !== "loss")) {
      const values = feeds[input as "c"];
      const numeric = new Float64Array(values.length);
      for (let i = 0; i < values.length; i++) {
        const [above, below] = [
          await lossAt(input, i, values[i]! + STEP),
          await lossAt(input, i, values[i]! - STEP),
        ];
        numeric[i] = (above - below) / (2 * STEP);
      }
      expectClose(`d loss / d input ${input}`, analytic[input]!, numeric, FD_TOLERANCE);
    }
  });
});
