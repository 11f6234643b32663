/** The files of a report: well-formed, the same twice, and whatever a name holds is only ever text. */
import { expect, test } from "vitest";
import { reportJson } from "../../../src/report/page/report-json.ts";
import { reportFiles } from "../../../src/report/report-files.ts";
import { allOf, parseXml } from "../../xml.ts";
import { judged, reportDataOf, steady } from "./report-data-of.ts";

const HOSTILE = `<img src=x onerror=alert(1)> **a** | \`b\` & "c"`;

const made = (name = "nano") =>
  reportDataOf(
    ["norm=pre,post", "train.seed=1,2"],
    (_, i) => ({
      end: 2 + i / 10,
      metrics: steady(20),
      evaluations: judged(3, 2 + i / 10),
      gradients: new Map([
        [1, [1, 2]],
        [20, [2, 1 + i]],
      ]),
    }),
    { name },
  );

test("the same runs give the same bytes, and every file is whole", () => {
  const files = reportFiles(made());
  expect(reportFiles(made())).toEqual(files);
  const figures = [...files.keys()].filter((name) => name.endsWith(".svg"));
  expect([...files.keys()]).toEqual([...figures, "arms.csv", "report.md", "index.html"]);
  for (const name of [...figures, "index.html"]) {
    expect(() => parseXml(files.get(name)!), name).not.toThrow();
    expect(files.get(name), name).not.toMatch(/NaN|undefined|Infinity/);
  }
  const page = parseXml(files.get("index.html")!);
  expect(allOf(page, "script")).toEqual([]);
  expect(files.get("index.html")).not.toMatch(/(src|href)="(?!#)/);
  for (const { attributes } of allOf(page, "a"))
    expect(files.get("index.html")).toContain(`id="${attributes.href!.slice(1)}"`);
  for (const name of figures) expect(files.get("report.md")).toContain(`](./${name})`);
  const runs = made().runs.map((run) => run.name);
  for (const name of figures) {
    const [about] = allOf(parseXml(files.get(name)!), "desc");
    for (const run of runs) expect(about!.text, name).toContain(run);
  }
});

test("a hostile name is text in both pages", () => {
  const files = reportFiles(made(HOSTILE));
  const page = parseXml(files.get("index.html")!);
  expect(allOf(page, "img")).toEqual([]);
  expect(allOf(page, "h1")[0]!.text).toBe(HOSTILE);
  const [heading] = files.get("report.md")!.split("\n");
  expect(heading).toBe('# &lt;img src=x onerror=alert(1)&gt; \\*\\*a\\*\\* \\| \\`b\\` &amp; "c"');
});

test("a sweep of nothing yet has a report that says so", () => {
  const nothing = reportDataOf(["norm=pre,post"], () => ({}));
  const files = reportFiles(nothing);
  expect([...files.keys()]).toEqual(["arms.csv", "report.md", "index.html"]);
  expect(files.get("report.md")).toContain("No run has finished yet");
  expect(() => parseXml(files.get("index.html")!)).not.toThrow();
});

test("the numbers as JSON", () => {
  const json = JSON.parse(JSON.stringify(reportJson(made())));
  expect(json).toMatchObject({ sweep: "nano", reference: "pre" });
  expect(json.arms[0]).toMatchObject({ arm: "pre", finished: 2, val_loss: { n: 2, mean: 2.05 } });
  expect(json.arms[0].gradient_norms.map(({ step }: { step: number }) => step)).toEqual([1, 20]);
  expect(json.runs).toHaveLength(4);
});
