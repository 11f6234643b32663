/** Errors that cross from one thread to another. */
import { expect, test } from "vitest";
import { EnvironmentError } from "../../../src/lib/errors.ts";
import { deserializeError, serializeError } from "../../../src/lib/serialized-error.ts";

const crossed = (cause: unknown) => deserializeError(structuredClone(serializeError(cause)));

test("a machine's fault stays one, a bug keeps its stack", () => {
  const lacking = crossed(new EnvironmentError("no GPU"));
  expect(lacking).toBeInstanceOf(EnvironmentError);
  expect(lacking.message).toBe("no GPU");
  const bug = new TypeError("undefined is not a function");
  expect(crossed(bug)).not.toBeInstanceOf(EnvironmentError);
  expect(crossed(bug).stack).toBe(bug.stack);
});

test("whatever is thrown arrives as an error", () => {
  expect(crossed("out of luck").message).toBe("out of luck");
});
