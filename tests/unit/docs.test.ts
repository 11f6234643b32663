/** README.md and docs/ against the code: links lead somewhere, and what they list is all there is. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { engineNames } from "../../src/backends/registry.ts";
import { commands } from "../../src/cli/commands/index.ts";
import { slurmSection } from "../../src/config/slurm-section.ts";
import { ROLES } from "../../src/inits/roles.ts";
import { normFunctions } from "../../src/norm-functions/index.ts";
import { norms } from "../../src/norms/index.ts";
import { tablesOf } from "../../src/probes/active.ts";
import { probes } from "../../src/probes/index.ts";
import type { Probe } from "../../src/probes/probe.ts";
import { metrics, protocols } from "../../src/protocols/index.ts";
import { openTables } from "../../src/runs/tables.ts";

const root = join(import.meta.dirname, "../..");
const pages = [
  "README.md",
  ...readdirSync(join(root, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];
const page = (name: string): string => readFileSync(join(root, name), "utf8");
/** What of these a page does not name. */
const missing = (name: string, wanted: readonly string[]): readonly string[] => {
  const words = new Set(page(name).match(/[\w-]+/g));
  return wanted.filter((word) => !words.has(word));
};

test.each(pages)("links of %s lead to files", (name) => {
  const links = [...page(name).matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, link]) => link!);
  for (const link of links) expect(existsSync(join(root, dirname(name), link)), link).toBe(true);
});

test("every page is linked from the README", () => {
  for (const name of pages.slice(1)) expect(page("README.md")).toContain(`](${name})`);
});

describe("what there is, is listed", () => {
  test("norms, norm functions, roles and engines", () => {
    expect(missing("README.md", [...Object.keys(norms), ...engineNames])).toEqual([]);
    expect(missing("docs/models.md", Object.keys(norms))).toEqual([]);
    for (const name of ["README.md", "docs/models.md"])
      expect(missing(name, [...Object.keys(normFunctions)])).toEqual([]);
    expect(missing("docs/models.md", ROLES)).toEqual([]);
    expect(missing("docs/engines.md", engineNames)).toEqual([]);
  });

  test("commands, and no others", () => {
    const shown = new Set(
      pages.flatMap((name) => [...page(name).matchAll(/\bhnorm ([a-z]+)\b/g)].map(([, word]) => word!)),
    );
    const own = Object.keys(commands).filter((name) => name !== "run-one"); // which only hnorm itself starts
    for (const command of own) expect(shown).toContain(command);
    const code = pages.flatMap((name) => page(name).match(/```sh\n[\s\S]*?```/g) ?? []).join("");
    for (const [, word] of code.matchAll(/^hnorm +([a-z]+)/gm)) expect(Object.keys(commands)).toContain(word);
  });

  test("keys of the slurm section", () => {
    expect(missing("docs/sweeps.md", Object.keys(slurmSection.shape))).toEqual([]);
  });

  test("evaluation protocols", () => {
    expect(missing("docs/data.md", Object.keys(protocols))).toEqual([]);
  });

  test("probes, what each one measures and whether by default", () => {
    const rows = page("docs/results.md").split("\n");
    for (const [name, { tables, byDefault }] of Object.entries<Probe>(probes)) {
      const row = rows.find((line) => line.startsWith(`| \`${name}\``));
      for (const table of Object.keys(tables)) expect(row, name).toContain(`\`${table}\``);
      expect(row, name).toMatch(byDefault ? /\| on/ : /\| off/);
    }
  });

  test("tables of a run and their columns", () => {
    const dir = mkdtempSync(join(tmpdir(), "hnorm-docs-"));
    const tables = tablesOf(Object.values(probes).map((probe) => ({ probe })));
    openTables(dir, { probes: tables, metrics: [...metrics.keys()] }).close();
    for (const table of readdirSync(dir)) {
      const row = page("docs/results.md")
        .split("\n")
        .find((line) => line.startsWith(`| \`${table}\``));
      const columns = readFileSync(join(dir, table), "utf8").trim().split(",");
      for (const column of columns) expect(row, table).toContain(`\`${column}\``);
    }
    rmSync(dir, { recursive: true });
  });
});
