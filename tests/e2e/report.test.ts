/** `hnorm report`: a real sweep's page, figures and summary, with the numbers of results.csv; also of a sweep cut short. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { allOf, parseXml } from "../xml.ts";
import { file, folder, hnorm, tiny } from "./hnorm.ts";

test("two norms, two seeds: files, numbers, the same bytes again, and what is missing is said", async () => {
  const dir = folder();
  file(dir, "t.yaml", tiny({ sweep: { grid: { norm: ["pre", "post"] }, seeds: 2 } }));
  expect((await hnorm(dir, "sweep", "t.yaml")).code).toBe(0);
  const { code, stdout, stderr } = await hnorm(dir, "report", "runs/t");
  expect([code, stderr]).toEqual([0, expect.stringContaining("report/index.html")]);
  expect(stdout).toMatch(/^No arm beats token frequencies \(validation loss 2\.0794, perplexity 8\.000\)/);
  expect(stdout).toMatch(/\npre +[\u2581-\u2588]{2} +[\d.]+ +[\u2581-\u2588]{2} +[\d.]+\n/);

  const report = join(dir, "runs/t/report");
  const names = readdirSync(report).sort();
  expect(names).toEqual([
    "arms.csv",
    ...["gradient-norm-maps.svg", "gradient-norm-ratio.svg", "gradient-norm.svg"],
    ...["gradient-norms-by-layer.svg", "index.html", "report.md", "training-loss.svg", "validation-loss.svg"],
  ]);
  const read = (name: string) => readFileSync(join(report, name), "utf8");
  const first = names.map(read);
  const page = parseXml(read("index.html"));
  expect(allOf(page, "section").map(({ attributes }) => attributes.id)).toEqual([
    ...[
      "answer",
      "fairness",
      "loss",
      "gradients",
      "gradient-maps",
      "gradient-ratio",
      "stability",
      "provenance",
    ],
  ]);
  const [head, ...rows] = readFileSync(join(dir, "runs/t/results.csv"), "utf8").trim().split("\n");
  const [run, loss] = [head!.split(",").indexOf("run"), head!.split(",").indexOf("val_loss")];
  for (const cells of rows.map((row) => row.split(","))) {
    const line = read("report.md")
      .split("\n")
      .find((text) => text.startsWith(`| ${cells[run]} |`));
    expect(line).toContain(` ${Number(cells[loss]).toFixed(4)} `);
  }

  for (const place of [report, dir]) writeFileSync(join(place, "of-before.svg"), "<svg/>");
  expect((await hnorm(dir, "report", "runs/t")).code).toBe(0);
  expect(readdirSync(report).sort()).toEqual(names);
  const elsewhere = await hnorm(dir, "report", "runs/t", "--out", "there", "--json");
  expect(JSON.parse(elsewhere.stdout).arms).toHaveLength(2);
  expect(names.map((name) => readFileSync(join(dir, "there", name), "utf8"))).toEqual(first);

  expect((await hnorm(dir, "report", "runs/t", "--out", ".")).code).toBe(0);
  expect(readdirSync(dir)).toContain("of-before.svg");

  // As if one run had been stopped, and another was of a version that recorded less.
  const [one, other] = rows.map((row) => join(dir, "runs/t", row.split(",")[run]!));
  for (const name of ["DONE", "status.json"]) rmSync(join(one!, name));
  writeFileSync(join(one!, "metrics.csv"), readFileSync(join(one!, "metrics.csv"), "utf8").slice(0, 150));
  for (const name of ["grad_norms.csv", "provenance.json", "metrics.csv"]) rmSync(join(other!, name));
  const harmed = await hnorm(dir, "report", "runs/t", "--against", "post");
  expect([harmed.code, harmed.stderr]).toEqual([3, expect.stringContaining("grad_norms.csv missing")]);
  expect(read("report.md")).toContain("1 of 4 runs have not finished");
  expect(read("report.md")).toContain("1 of 4 runs have no provenance.json");
  expect(() => parseXml(read("index.html"))).not.toThrow();

  const wrong = await hnorm(dir, "report", "runs/t", "--against", "prr", "--out", "nowhere");
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('did you mean "pre"?')]);
  expect(existsSync(join(dir, "nowhere"))).toBe(false);
  expect((await hnorm(dir, "report", "runs")).code).toBe(2);
});
