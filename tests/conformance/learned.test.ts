/** Learned vectors and scalars on every engine: their gradients, a step of theirs, and the same bits again. */
import { describe, expect, test } from "vitest";
import type { Engine, Floats } from "../../src/backends/backend.ts";
import { reference } from "../../src/backends/reference/reference.ts";
import { parameterGroups } from "../../src/optim/groups.ts";
import { updateGraph } from "../../src/optim/update-graph.ts";
import { plan } from "../../src/plan/plan.ts";
import { engines } from "./engines.ts";
import { gradientOf, learnedGradients, openLearned, parametersOf } from "./learned.ts";
import { ADAMW } from "./nano.ts";
import { expectClose, MODEL_TOLERANCE } from "./tolerance.ts";

const SMALL = { rows: 7, width: 24 };
/** Large enough that threads share the work. */
const LARGE = { rows: 333, width: 160 };

describe.each(engines)("$name: $detail", ({ engine }) => {
  const given = test.skipIf(engine === undefined);

  given.each([SMALL, LARGE])("gradients of $rows rows of $width", async (sizes) => {
    const got = await learnedGradients(engine!, sizes);
    const want = await learnedGradients(reference, sizes);
    for (const [name, values] of want) expectClose(name, got.get(name)!, values, MODEL_TOLERANCE);
  });

  given("gradients of two micro-batches add up", async () => {
    const once = await learnedGradients(engine!, SMALL);
    const twice = await learnedGradients(engine!, SMALL, { accumulate: true, runs: 2 });
    for (const { name } of parametersOf(SMALL))
      expectClose(
        name,
        twice.get(name)!,
        once.get(name)!.map((x) => 2 * x),
        MODEL_TOLERANCE,
      );
  });

  given("computing values again changes no bit", async () => {
    const kept = await learnedGradients(engine!, SMALL);
    expect(await learnedGradients(engine!, SMALL, { again: true })).toEqual(kept);
  });

  given("one thread, two, three and four agree to the bit", async () => {
    const one = await learnedGradients(engine!, LARGE, {}, { threads: 1 });
    for (const threads of [2, 3, 4])
      expect(await learnedGradients(engine!, LARGE, {}, { threads }), `${threads} threads`).toEqual(one);
  });

  given("two steps of AdamW", async () => {
    const got = await twoSteps(engine!);
    for (const [name, values] of await twoSteps(reference))
      expectClose(name, got.get(name)!, values, MODEL_TOLERANCE);
  });
});

/** Parameters and moments, with gradients as they were written, clipped. */
async function twoSteps(engine: Engine): Promise<ReadonlyMap<string, Floats>> {
  const device = await openLearned(engine, SMALL);
  const [group] = parameterGroups(ADAMW);
  const parameters = parametersOf(SMALL).map(({ name, shape }) => {
    return { name, shape, decayed: shape.length > 1, group: group! };
  });
  const { graph, feeds } = updateGraph(parameters, { clip: 1, resetGradients: false, gradientOf });
  const program = await device.compile(plan(graph, engine.bytes));
  const gradients = await learnedGradients(reference, SMALL);
  for (const { name, shape } of parameters) device.write(gradientOf(name), shape, gradients.get(name)!);
  for (const t of [1, 2]) await program.run(feeds(t, 0.01));
  const names = parameters.flatMap(({ name }) => [name, `m/${name}`, `v/${name}`]);
  const results = new Map(names.map((name) => [name, device.read(name)]));
  await device.close();
  return results;
}
