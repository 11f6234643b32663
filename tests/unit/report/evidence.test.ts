/** What seeds say of arms: pairs, intervals, order, and that no run that ended badly is passed over in silence. */
import { expect, test } from "vitest";
import { armsTable } from "../../../src/cli/tables/arms-table.ts";
import { answerText } from "../../../src/report/page/answer-text.ts";
import { plainText } from "../../../src/report/page/blocks.ts";
import { armRows, armsCsv } from "../../../src/report/ranking/arm-rows.ts";
import { armsOf } from "../../../src/report/ranking/arms.ts";
import { evidence } from "../../../src/report/ranking/evidence.ts";
import type { RankedRun } from "../../../src/report/ranking/ranking.ts";
import { type End, ranOf, seedsOf } from "./sweep-of.ts";

const of = (arms: Readonly<Record<string, readonly End[]>>, against?: string) =>
  evidence(
    armsOf(
      Object.entries(arms).flatMap(([norm, ends]) => seedsOf({ norm }, ends)),
      "s",
    ),
    against === undefined ? {} : { against },
  );

test("arms are compared seed by seed: a shift all seeds share is seen through their noise", () => {
  const { arms, reference, noise } = of({ post: [2.52, 3.03, 2.02], pre: [2.5, 3, 2] });
  expect(arms.map(({ label }) => label)).toEqual(["pre", "post"]);
  expect(reference).toBe("pre");
  expect(arms[0]!.delta).toBeUndefined();
  const { n, mean, ci95, resolved, seedsNeeded } = arms[1]!.delta!;
  expect([n, resolved, seedsNeeded]).toEqual([3, true, undefined]);
  expect(mean).toBeCloseTo(0.07 / 3, 12);
  expect(ci95).toBeCloseTo((4.302652729749464 * Math.sqrt(1 / 30000)) / Math.sqrt(3), 10); // differences 2, 3, 2 hundredths
  expect(noise).toBeCloseTo(0.5025, 3);
  expect(arms[1]!.loss).toMatchObject({ n: 3, mean: expect.closeTo(2.5233, 4) });
  expect(arms[0]!.bitsPerByte).toBeCloseTo(1.25, 12);
});

test("a difference within its noise is not resolved, and says how many seeds it would take", () => {
  const { delta } = of({ pre: [2.5, 3, 2], post: [2.7, 2.9, 2.1] }).arms[1]!;
  expect(delta).toMatchObject({ n: 3, resolved: false });
  expect(delta!.seedsNeeded).toBeGreaterThan(3);
  expect(of({ pre: [2], post: [3] }).arms[1]!.delta).toEqual({ n: 1, mean: 1 });
  expect(of({ pre: [2, 3], post: [2, 3] }).arms[1]!.delta).toMatchObject({ resolved: false, sd: 0 });
});

test("arms that lost runs come after whole ones, count what was lost, and are paired over what is left", () => {
  const found = of({
    gone: ["diverged", "diverged", "failed"],
    frail: [1, "diverged", 1.5],
    open: [undefined, "running", "interrupted"],
    whole: [2, 3, 2.25],
  });
  expect(found.arms.map(({ label, finished, diverged }) => [label, finished, diverged])).toEqual([
    ["whole", 3, 0],
    ["frail", 2, 1],
    ["gone", 0, 2],
    ["open", 0, 0],
  ]);
  expect(found.arms[1]!.delta).toMatchObject({ n: 2, mean: -0.875 });
  const lines = armsTable(found).split("\n");
  expect(lines[1]).toMatch(/^1 +whole +3\/3 .* best$/);
  expect(lines[2]).toMatch(
    /^ +frail +2\/3 .* -0\.8750 ±1\.5883 +not resolved \(about \d+ seeds\); 1 diverged$/,
  );
  expect(lines[3]).toMatch(/^ +gone +0\/3 .* 2 diverged; 1 failed$/);
  expect(lines[4]).toMatch(/ 3 not finished$/);
});

test("a done run without a loss that is a number is not finished", () => {
  const [run] = seedsOf({ norm: "pre" }, [Number.NaN]) as [RankedRun];
  const { arms, reference } = evidence(armsOf([run], "s"));
  expect([arms[0]!.finished, arms[0]!.loss, reference]).toEqual([0, undefined, undefined]);
});

test("another reference may be asked for: what is better than it says so", () => {
  const found = of({ pre: [2, 2.5], post: [2.5, 3.01] }, "po");
  expect(found.reference).toBe("post");
  expect(found.arms.map(({ label, delta }) => [label, delta?.resolved])).toEqual([
    ["pre", true],
    ["post", undefined],
  ]);
  expect(armsTable(found, true)).toMatch(
    /to reference\n1 +pre .* -0\.5050 ±0\.0635 +better\n2 +post .* reference\n/,
  );
  expect(() => of({ pre: [1], post: [2] }, "pots")).toThrow(/did you mean "post"/);
});

test("arms that saw different data are neither ranked nor compared", () => {
  const other = ranOf({ norm: "post", "train.seed": 1 }, 1, { data_fingerprint: "e" });
  const found = evidence(armsOf([...seedsOf({ norm: "pre" }, [3, 4]), other], "s"));
  expect(found.mismatch).toContain("different data");
  expect(found.reference).toBeUndefined();
  expect(found.arms.map(({ label, delta }) => [label, delta])).toEqual([
    ["pre", undefined],
    ["post", undefined],
  ]);
  expect(armsTable(found)).not.toMatch(/^\d/m);
});

test("arms as rows and as CSV", () => {
  const found = of({ post: [2.5, 3], pre: [2, "diverged"] });
  expect(armRows(found)[0]).toMatchObject({
    arm: "post",
    norm: "post",
    seeds: 2,
    finished: 2,
    val_loss_mean: 2.75,
  });
  expect(armsCsv(found).split("\n")).toEqual([
    "arm,norm,seeds,finished,diverged,val_loss_mean,val_loss_sd,val_loss_ci95,val_ppl,val_bits_per_byte,delta_mean,delta_ci95,delta_pairs,resolved,seeds_needed",
    "post,post,2,2,0,2.75,0.353553391,3.17655118,15.6426319,1.375,,,,,",
    "pre,pre,2,1,1,2,,,7.3890561,1,-0.5,,1,,",
    "",
  ]);
});

test("an arm with fewer seeds than another is shown and never decides", () => {
  const found = of({ few: [1], whole: [2, 2.5] });
  expect(found.reference).toBe("whole");
  expect(found.arms.map(({ label, complete, missing }) => [label, complete, missing])).toEqual([
    ["whole", true, 0],
    ["few", false, 1],
  ]);
  expect(armsTable(found)).toMatch(/\n +few +1\/2 .* 1 not listed\n/);
  expect(plainText(answerText(found))).toMatch(/^whole is the only arm that finished every seed:/);
});

test("where no arm has finished every seed, none is the best", () => {
  const found = of({ pre: [2, "diverged"], post: [undefined, 3] });
  expect(found.reference).toBeUndefined();
  expect(armsTable(found)).not.toMatch(/^\d|^ .*best$/m);
  expect(plainText(answerText(found))).toBe(
    "No arm has finished every seed: incomplete arms are shown, and none is called best.",
  );
});

test("runs that were evaluated on other tokens are never ranked together", () => {
  const measured = (norm: string, loss: number, validation_sha256: string) =>
    ranOf({ norm, "train.seed": 1 }, loss, { validation_sha256 });
  const same = evidence(armsOf([measured("pre", 2, "a"), measured("post", 1, "a")], "s"));
  expect([same.mismatch, same.reference]).toEqual([undefined, "post"]);
  const other = evidence(armsOf([measured("pre", 2, "a"), measured("post", 1, "b")], "s"));
  expect(other.mismatch).toContain("not ranked: the runs were evaluated on different tokens");
  expect([other.reference, armsTable(other).match(/^\d/m)]).toEqual([undefined, null]);
});
