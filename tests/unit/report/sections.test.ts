/** What each section says of small made-up sweeps, and where it has nothing to say. */
import { expect, test } from "vitest";
import { type ReportData, reportData } from "../../../src/report/data/report-data.ts";
import { answerText } from "../../../src/report/page/answer-text.ts";
import { plainText } from "../../../src/report/page/blocks.ts";
import { gradientLines } from "../../../src/report/page/terminal.ts";
import { sections } from "../../../src/report/sections/index.ts";
import { evaluated, judged, type Known, reportDataOf, steady } from "./report-data-of.ts";
import { blocksOf, cells, figures, words } from "./section-blocks.ts";

const SEEDS = "train.seed=1,2,3";
const INITS = ["normal", "megatron"] as const;

const answer = (data: ReportData) => plainText(answerText(data.evidence));

/** Layer norms at steps 1 and 20. */
const grew = (first: readonly number[], last: readonly number[]) =>
  new Map([
    [1, first],
    [20, last],
  ]);

test("the answer: as much as the seeds allow, and no more", () => {
  const ends =
    (...losses: readonly (number | "diverged" | undefined)[]) =>
    (_: unknown, i: number): Known => ({
      end: losses[i],
    });
  const arms = ["norm=pre,post"];
  const three = [...arms, SEEDS];
  expect(answer(reportDataOf(three, ends(2, 2.1, 2.2, 2.5, 2.61, 2.69)))).toBe(
    "pre has the lowest validation loss, 2.1000 nats per token (mean of 3 seeds). post, the next, is 0.5000 \u00b1 0.0248 higher (95 % confidence interval, 3 paired seeds): more than seed noise.",
  );
  expect(answer(reportDataOf(three, ends(2, 2.1, 2.2, 2.1, 2, 2.25)))).toMatch(
    /within seed noise\. To resolve a difference of this size takes about \d+ seeds\.$/,
  );
  expect(answer(reportDataOf(arms, ends(2, 2.5)))).toContain(
    "post, the next, is 0.5000 higher, in one seed: the seed noise is unknown",
  );
  expect(answer(reportDataOf(["norm=pre"], ends(2)))).toContain("there is no other arm");
  expect(answer(reportDataOf(arms, ends(2, undefined)))).toContain("the only arm with a finished run");
  expect(answer(reportDataOf(arms, ends(undefined, "diverged")))).toContain("No run has finished yet");
  expect(answer(reportDataOf(arms, ends("diverged", "diverged")))).toContain(
    "No run finished: all diverged or failed",
  );

  const against = reportDataOf(three, ends(2, 2.1, 2.2, 2.5, 2.61, 2.69), { against: "post" });
  expect(answer(against)).toContain("It is 0.5000 \u00b1 0.0248 lower than post, the reference");
});

test("the answer names arms that diverged or are open, and one that is better on fewer seeds", () => {
  const ends = [2, 2.1, 2.2, 1.5, "diverged", undefined] as const;
  const data = reportDataOf(["norm=pre,post", SEEDS], (_, i) => ({ end: ends[i]! }));
  const said = words(blocksOf(data, "answer"));
  expect(said).toContain("Diverged: post (1 of 3).");
  expect(said).toContain("1 of 6 runs have not finished (1 not started)");
  expect(said).toContain("post has a lower mean, 1.5000, but over 1 of its 3 runs only.");
  expect(cells(blocksOf(data, "answer")).map((row) => row.slice(0, 3))).toEqual([
    ["pre", "3/3", "2.1000"],
    ["post", "1/3", "1.5000"],
  ]);
});

test("fairness: what else differs is a table; one learning rate for all is said", () => {
  const fair = reportDataOf(["norm=pre,post"], () => ({ end: 2 }));
  expect(words(blocksOf(fair, "fairness"))).toMatch(
    /differ in norm alone.*\n.*one learning rate, train\.lr 0\.003/,
  );
  const older = fair.runs.map((run) => ({ ...run, config: { norm: run.config.norm } }));
  const unread = reportData({ name: "nano" }, older as unknown as ReportData["runs"], 1);
  expect(words(blocksOf(unread, "fairness"))).toContain("Not checked");
  expect(sections(unread).map(({ id }) => id)).toEqual(["answer", "fairness", "provenance"]);
  const tuned = reportDataOf(["norm=pre,post", "train.lr=0.1,0.2"], () => ({ end: 2 }));
  expect(words(blocksOf(tuned, "fairness"))).not.toContain("one learning rate");
  const runs = fair.runs.map((run, i) => ({ ...run, config: { ...run.config, init: { name: INITS[i]! } } }));
  const unfair = blocksOf(reportData({ name: "nano" }, runs as ReportData["runs"], 1), "fairness");
  expect(words(unfair)).toContain("The arms also differ in other fields");
  expect(cells(unfair)).toEqual([
    ["init", '{"name":"normal"}', "pre"],
    ["", '{"name":"megatron"}', "post"],
  ]);
  expect(
    blocksOf(
      reportDataOf([SEEDS], () => ({ end: 2 })),
      "fairness",
    ),
  ).toEqual([]);
});

test("learning rates: each arm's best, at the edge or not, and where it diverged", () => {
  const losses: Record<string, readonly (number | "diverged")[]> = {
    pre: [2.5, 2.1, 2.4],
    post: [2.2, 2.3, "diverged"],
  };
  const data = reportDataOf(["norm=pre,post", "train.lr=0.001,0.01,0.1"], ({ factors }, i) => ({
    end: losses[String(factors.norm)]![i % 3]!,
  }));
  const blocks = blocksOf(data, "learning-rate");
  expect(cells(blocks)).toEqual([
    ["pre", "0.01", "2.1000", "1", "3", ""],
    ["post", "0.001 (edge)", "2.2000", "1", "3", "0.1"],
  ]);
  expect(words(blocks)).toContain(
    "Each arm at its own best learning rate: pre has the lowest validation loss, 2.1000",
  );
  expect(figures(blocks)[0]!.panels[0]!.content).toContain("1 diverged at 0.1");
  expect(figures(blocks)[0]!.from.runs).toHaveLength(6);
  expect(
    blocksOf(
      reportDataOf(["norm=pre,post"], () => ({ end: 2 })),
      "learning-rate",
    ),
  ).toEqual([]);
});

test("expectations: what was met and missed, with numbers of eval.sets, and nothing where nothing was expected", () => {
  const known = (_: unknown, i: number): Known => ({
    end: 2 + i / 2,
    evaluations: [...judged(3, 2 + i / 2), evaluated(20, 4 + i, "wikipedia")],
  });
  const claim = (metric: "val_loss" | "val_ppl", high: number, set?: string) => ({
    kind: "number" as const,
    metric,
    high,
    ...(set === undefined ? {} : { set }),
  });
  const data = reportDataOf(["norm=pre,post"], known, {
    expected: (runs) =>
      [claim("val_loss", 2.1), claim("val_ppl", Math.exp(4.5), "wikipedia")].map((one, at) => ({
        at,
        claim: one,
        source: "a table",
        arms: runs.map(({ name }) => ({ arm: [name] })),
      })),
  });
  const found = blocksOf(data, "expectations");
  expect(words(found)).toBe("Some of the config's expectations are missed.");
  const rows = cells(found);
  expect(rows.map((row) => [row[0], row[1], row[3], row[6]])).toEqual([
    ["pre", "val_loss", "2.0000", "met"],
    ["post", "val_loss", "2.5000", "missed"],
    ["pre", "val_ppl on wikipedia", Math.exp(4).toFixed(3), "met"],
    ["post", "val_ppl on wikipedia", Math.exp(5).toFixed(3), "missed"],
  ]);
  expect(rows.map((row) => row[7])).toEqual(Array(4).fill("a table"));
  expect(blocksOf(reportDataOf(["norm=pre,post"], known), "expectations")).toEqual([]);
});

test("losses: a figure per protocol and split, differences to the reference at equal seeds, training loss", () => {
  const data = reportDataOf(["norm=pre,post", SEEDS], ({ factors }, i) => ({
    end: 2 + i,
    metrics: steady(20),
    evaluations: [...judged(3, factors.norm === "pre" ? 2 : 2.5), evaluated(20, 4, "other", "galore-256")],
  }));
  const found = figures(blocksOf(data, "loss"));
  expect(found.map(({ id }) => id)).toEqual(["validation-loss", "validation-loss-2", "training-loss"]);
  expect(found[0]!.panels.map(({ title }) => title)).toEqual(["validation loss", "difference to pre"]);
  expect(found[0]!.from.runs).toEqual(data.runs.map(({ name }) => name));
  expect(
    blocksOf(
      reportDataOf(["norm=pre,post"], () => ({})),
      "loss",
    ),
  ).toEqual([]);
});

test("gradients: the steps that runs share, the ratio in numbers, and not the paper's claim as a result", () => {
  const data = reportDataOf(["norm=pre,post", "train.seed=1,2"], ({ factors }, i) => ({
    end: 2,
    metrics: steady(20),
    gradients: factors.norm === "pre" ? grew([1, 1], [i === 0 ? 0.5 : 2, 4]) : grew([1, 1], [4, 1]),
  }));
  const byLayer = figures(blocksOf(data, "gradients"))[0]!;
  expect(byLayer.panels.map(({ title }) => title)).toEqual(["Step 1", "Step 20"]);
  expect(figures(blocksOf(data, "gradient-maps"))[0]!.panels.map(({ title }) => title)).toEqual([
    "pre",
    "post",
  ]);
  const ratio = blocksOf(data, "gradient-ratio");
  // Geometric mean of 8 and 2.
  expect(cells(ratio)).toEqual([
    ["pre", "1.00", "4.00", "4.00", "grows"],
    ["post", "1.00", "0.250", "4.00", "shrinks"],
  ]);
  expect(words(ratio)).toContain(
    "At step 20 the last layer's gradient norm is this many times the first layer's: 4.00 in pre, 0.250 in post.",
  );
  const lines = gradientLines(data)!.split("\n");
  expect(lines[2]).toMatch(/^pre +\u2581\u2581 +1\.00 +\u2581\u2588 +4\.00$/);
  expect(lines[3]).toMatch(/^post +\u2581\u2581 +1\.00 +\u2588\u2581 +0\.250$/);
});

test("a run that diverged early does not decide which steps are compared", () => {
  const data = reportDataOf(["norm=pre,post"], (_, i) => ({
    ...(i === 0 ? { end: 2 } : { end: "diverged" as const, step: 3 }),
    metrics: steady(i === 0 ? 20 : 3),
    gradients: i === 0 ? grew([1, 1], [1, 2]) : new Map([[1, [1, 9]]]),
  }));
  expect(cells(blocksOf(data, "gradient-ratio"))).toEqual([
    ["pre", "1.00", "2.00", "2.00", "is about even"],
    ["post", "9.00", "\u2013", "\u2013", "\u2013"],
  ]);
  expect(cells(blocksOf(data, "stability"))[1]!.at(-1)).toBe("1 of 1: step 3");
  expect(figures(blocksOf(data, "stability"))[0]!.panels[0]!.content).toContain("diverged at step 3");
});

test("stability: clipped steps, and spikes with their definition", () => {
  const spiky = { ...steady(20), clipped: 5, gradSpikes: { count: 2, worst: { step: 7, factor: 12.34 } } };
  const data = reportDataOf(["norm=pre,post"], (_, i) => ({
    end: 2,
    metrics: i === 0 ? spiky : steady(20),
  }));
  const blocks = blocksOf(data, "stability");
  expect(cells(blocks)).toEqual([
    ["pre", "25.0 %", "0", "2", "12.3 times the median, step 7", "none"],
    ["post", "0.0 %", "0", "0", "", "none"],
  ]);
  expect(words(blocks)).toMatch(/more than 1\.25 times.*more than 3 times/);
  expect(words(blocksOf(data, "gradients"))).toContain("log.grad_norms_every");
});

test("experts: entropy and load; nothing for a dense model", () => {
  const data = reportDataOf(["norm=pre,post"], () => ({
    end: 2,
    entropies: new Map([[20, [0.5, 0.7]]]),
    experts: {
      step: 20,
      shares: [
        [0.25, 0.75],
        [0.5, 0.5],
      ],
    },
  }));
  const blocks = blocksOf(data, "experts");
  expect(cells(blocks)[0]).toEqual([
    ...["pre", "2", "50.0 %", "75.0 % (layer 0, expert 1)", "25.0 % (layer 0, expert 0)", "0.600 of 0.693"],
  ]);
  expect(figures(blocks)[0]!.panels).toHaveLength(2);
  expect(
    blocksOf(
      reportDataOf(["norm=pre"], () => ({ end: 2 })),
      "experts",
    ),
  ).toEqual([]);
});

test("what a probe measures by layer is drawn as it asks, at the steps that the arms share", () => {
  const data = reportDataOf(["norm=pre,post"], (_, i) => ({
    end: 2,
    activations: new Map([
      [1, [1, 1]],
      [10, [1, 2 + i]],
      [20, [1, 4 + i]],
    ]),
  }));
  const [drawn, ...others] = figures(blocksOf(data, "layers"));
  expect(others).toEqual([]); // nothing was read of the other sites
  expect(drawn!.title).toBe("Activation RMS of the residual stream after each block");
  expect(drawn!.panels.map(({ content }) => /Step \d+/.exec(content)?.[0])).toEqual([
    "Step 1",
    "Step 10",
    "Step 20",
  ]);
  expect(drawn!.legend!.map(({ label }) => label)).toEqual(["pre", "post"]);
  expect(plainText(drawn!.caption)).toMatch(/site block of activations\.csv.*geometric mean/);
  const without = reportDataOf(["norm=pre"], () => ({ end: 2 }));
  expect(blocksOf(without, "layers")).toEqual([]);
});

test("provenance: where runs differ in what made them, it says how many have which", () => {
  const data = reportDataOf(["norm=pre,post"], (_, i) => ({
    end: 2,
    provenance: { hnorm: "0.1.0", engine: { name: i === 0 ? "cpu" : "cuda" }, git: { dirty: false } },
  }));
  const facts = new Map(cells(blocksOf(data, "provenance")).map(([what, is]) => [what, is]));
  expect(facts.get("hnorm")).toBe("0.1.0");
  expect(facts.get("engine")).toBe("cpu (1 of 2 runs); cuda (1 of 2 runs)");
  expect(facts.has("data fingerprint")).toBe(false);
  const rows = cells(blocksOf(data, "provenance"), 1);
  expect(rows.map((row) => row[2])).toEqual(["pre", "post"]);
});

test("more arms than a chart can hold: the best, and the reference", () => {
  const lrs = Array.from({ length: 15 }, (_, i) => (i + 1) / 1000);
  const data = reportDataOf(
    [`train.lr=${lrs.join(",")}`],
    (_, i) => ({ end: 2 + i / 100, metrics: steady(20), evaluations: judged(3, 2 + i / 100) }),
    { against: "lr 0.015" },
  );
  const drawn = figures(blocksOf(data, "loss"))[0]!.legend!.map(({ label }) => label);
  expect(drawn).toEqual([...lrs.slice(0, 11), 0.015].map((lr) => `lr ${lr}`));
  expect(new Set(data.arms.flatMap(({ series }) => series ?? [])).size).toBe(12);
  expect(plainText(figures(blocksOf(data, "loss"))[0]!.caption)).toContain(
    "Of 15 arms the best 12 are drawn",
  );
});
