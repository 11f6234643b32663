/** `eval.rank_by`: what may be asked for, what a mistake says, and that no run is another for it. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readConfig } from "../../../src/config/load.ts";
import { showConfig } from "../../../src/config/show.ts";
import { expand, loadSweep } from "../../../src/sweep/expand.ts";
import { complaint, folderOf, GOOD } from "./files.ts";

const SETS = `${GOOD}eval:
  rank_by: RANK
  sets:
    late: { protocol: next-token-accuracy }
    wiki: { source: { name: c4, validation: v.json } }
`;
const path = (rank: string) => join(folderOf({ "x.yaml": SETS.replace("RANK", rank) }), "x.yaml");
const load = (rank: string, ...overrides: readonly string[]) => loadSweep(path(rank), overrides);

describe("rank_by", () => {
  test.each(["loss", "ppl", "bits_per_byte", "validation/loss", "late/accuracy", "wiki/bits_per_byte"])(
    "%s",
    (name) => expect(load(name).runs[0]!.config.eval.rank_by).toBe(name),
  );

  test("is no part of a run's identity, and absent where nothing is said", () => {
    const without = loadSweep(
      join(folderOf({ "x.yaml": SETS.replace("  rank_by: RANK\n", "") }), "x.yaml"),
      [],
    );
    expect(without.runs[0]!.config.eval).not.toHaveProperty("rank_by");
    expect(load("late/accuracy").runs[0]!.id).toBe(without.runs[0]!.id);
    expect(load("late/accuracy").runs[0]!.name).toBe(without.runs[0]!.name);
  });

  test("is shown again", () => {
    const config = readConfig(path("late/accuracy"), []);
    const configs = expand(config).runs.map((run) => run.config);
    expect(showConfig(config, configs)).toContain("  rank_by: late/accuracy\n");
  });

  const ALLOWED =
    "allowed: ppl, bits_per_byte, loss, late/ppl, late/bits_per_byte, late/loss, late/accuracy, wiki/ppl, wiki/bits_per_byte, wiki/loss";
  test.each([
    ["accuracy", "did you mean late/accuracy?"],
    ["late/acuracy", "did you mean late/accuracy?"],
    ["wiki/accuracy", ""],
    ["hellaswag/acc_norm", ""],
  ])("%s: what there is, at the place where it is written", (name, hint) => {
    const said = complaint(SETS.replace("RANK", name));
    expect(said).toMatch(/^x\.yaml:\d+:12 eval\.rank_by: no evaluation gives the metric /);
    expect(said).toContain(`the metric ${name}; ${ALLOWED}`);
    expect(said).toContain(hint);
  });

  test("a number, a list or a sweep of it is refused", () => {
    expect(complaint(SETS.replace("RANK", "3"))).toMatch(
      /^x\.yaml:\d+:12 eval\.rank_by: expected METRIC, or SET\/METRIC of eval\.sets, got 3$/,
    );
    expect(complaint(SETS.replace("RANK", "loss"), ["eval.rank_by=loss,late/accuracy"])).toMatch(
      /a sweep is ranked by one metric; it cannot be swept/,
    );
    const swept = `${SETS.replace("RANK", "loss")}sweep: { grid: { eval.rank_by: [loss, ppl] } }\n`;
    expect(complaint(swept)).toMatch(/^x\.yaml:\d+:\d+ eval\.rank_by: a sweep is ranked by one metric/);
    expect(complaint(SETS.replace("RANK", "loss"), ["norm=pre,post", "eval.rank_by=ppl"])).toBe(
      "no complaint",
    );
  });
});
