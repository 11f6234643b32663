/** Every op on every engine gives what the reference gives. */
import { describe, test } from "vitest";
import { reference } from "../../src/backends/reference/reference.ts";
import { engines } from "./engines.ts";
import { runSample } from "./run.ts";
import { allSamples } from "./samples.ts";
import { expectClose, TOLERANCE } from "./tolerance.ts";

describe.each(engines)("$name: $detail", ({ engine }) => {
  test.skipIf(engine === undefined).each(allSamples)("$title", async (named) => {
    const got = await runSample(engine!, named);
    const want = await runSample(reference, named);
    for (const name of Object.keys(want))
      expectClose(`output ${name}`, got[name]!, want[name]!, TOLERANCE.f32);
  });
});
