/** Claims of any metric: how it is named, and what a user reads who named one that is none. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadSweep } from "../../../src/sweep/expand.ts";
import { complaint, folderOf, goodWithout } from "./files.ts";

describe("any metric", () => {
  const yaml = `${goodWithout("norm")}
eval: { RANKsets: { wiki: {}, late: { protocol: next-token-accuracy } } }
sweep: { grid: { norm: [pre, post] } }
expect: [EXPECT]
`;
  const filled = (entry: string, rank = "") =>
    yaml.replace("RANK", rank === "" ? "" : `rank_by: ${rank}, `).replace("EXPECT", entry);
  const claim = (entry: string, rank = "") =>
    loadSweep(join(folderOf({ "x.yaml": filled(entry, rank) }), "x.yaml"), []).expectations![0]!.claim;
  const better = "{ arm: { norm: post }, better_than: { norm: pre }";

  test("of a set is SET/METRIC", () => {
    expect(claim("{ late/accuracy: 0.5, within: 10% }")).toEqual({
      kind: "number",
      metric: "accuracy",
      set: "late",
      value: 0.5,
      low: 0.45,
      high: 0.55,
    });
    expect(claim("{ wiki/loss: { below: 3 } }")).toEqual({
      kind: "number",
      metric: "loss",
      set: "wiki",
      high: 3,
    });
    expect(claim("{ validation/ppl: { above: 3 } }")).toEqual({ kind: "number", metric: "val_ppl", low: 3 });
  });

  test("orders arms, where `metric` names it, or the sweep is ranked by it", () => {
    const than = { norm: "pre" };
    const order = { kind: "order", than, by: 0 };
    expect(claim(`${better} }`)).toEqual(order);
    expect(claim(`${better}, metric: late/accuracy, by: 0.1 }`)).toEqual({
      ...order,
      metric: "accuracy",
      set: "late",
      by: 0.1,
    });
    expect(claim(`${better}, metric: bits_per_byte }`)).toEqual({ ...order, metric: "val_bits_per_byte" });
    expect(claim(`${better} }`, "late/accuracy")).toEqual({ ...order, metric: "accuracy", set: "late" });
    expect(claim(`${better} }`, "ppl")).toEqual({ ...order, metric: "val_ppl" });
    expect(claim(`${better}, set: wiki }`, "late/accuracy")).toEqual({ ...order, set: "wiki" });
    expect(claim(`${better}, metric: loss }`, "late/accuracy")).toEqual({ ...order, metric: "val_loss" });
  });

  const KNOWN =
    "allowed: ppl, bits_per_byte, loss, wiki/ppl, wiki/bits_per_byte, wiki/loss, late/ppl, late/bits_per_byte, late/loss, late/accuracy";
  test.each([
    [
      "{ wiki/accuracy: 0.5, within: 1% }",
      `:12 expect[0].wiki/accuracy: no evaluation gives the metric wiki/accuracy; ${KNOWN}`,
    ],
    [
      "{ lat/accuracy: { above: 0 } }",
      ":12 expect[0].lat/accuracy: no set of eval.sets is called lat; allowed: wiki, late",
    ],
    [
      "{ validation/accuracy: { above: 0 } }",
      `:12 expect[0].validation/accuracy: no evaluation gives the metric accuracy; ${KNOWN}; did you mean late/accuracy?`,
    ],
    [
      `${better}, metric: accuracy }`,
      ` expect[0].metric: no evaluation gives the metric accuracy; ${KNOWN}; did you mean late/accuracy?`,
    ],
    [`${better}, metric: late/loss, set: late }`, " expect[0].set: metric names its set"],
    ["{ late/accuracy: { above: 0 }, set: late }", " expect[0].set: late/accuracy names its set"],
    ["{ late/accuracy: 0.5 }", " expect[0].within: missing; expected a number >= 0"],
    ["{ late/accuracy: high, within: 1% }", " expect[0].late/accuracy: expected a number, or bounds such as"],
    [
      "{ late/accuracy: { above: 2, below: 1 } }",
      " expect[0].late/accuracy.above: must be less than below, 1; got 2",
    ],
    [
      "{ late/accuracy: { above: 0 }, val_loss: { below: 2 } }",
      " expect[0].late/accuracy: one claim per expectation; this one already has val_loss",
    ],
    ["{ val_loss: { below: 2 }, metric: ppl }", " expect[0].metric: only with better_than"],
  ])("%s: the mistake at its place", (entry, message) => {
    expect(complaint(filled(entry))).toMatch(/^x\.yaml:\d+:\d+ /);
    expect(complaint(filled(entry))).toContain(message);
  });
});
