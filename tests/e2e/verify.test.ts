/** `hnorm verify`: a sweep that is not yet run, half run, as expected and not as expected, as a CI job sees it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { file, folder, hnorm, tiny } from "./hnorm.ts";

/** ln 8: what a model that knows nothing pays on 8 symbols. */
const UNIFORM = Math.log(8);
const sweep = { grid: { norm: ["pre", "post"] }, seeds: 2 };
const sets = { again: { tokens: 128 } };
/** What holds on any engine: the source's own bounds, and that a set of the same tokens has the same loss. */
const holds = [
  { diverges: false },
  { val_loss: { above: 0.5, below: UNIFORM + 1 }, set: "again" },
  { arm: { norm: "pre" }, val_ppl: 8, within: "90%", source: "8 symbols & <chance>" },
];
const impossible = { arm: { norm: "pre" }, val_loss: { below: 0.01 }, source: "nowhere" };

const eval_ = { every: 6, tokens: 128, sets };
const config = (expect: readonly unknown[]) => tiny({ sweep, eval: eval_, expect });

test("not yet run 3, half run 3, as expected 0, not as expected 4; known discrepancies and JUnit", async () => {
  const dir = folder();
  file(dir, "t.yaml", config(holds));
  const verify = (...words: readonly string[]) => hnorm(dir, "verify", "t.yaml", ...words);

  const before = await verify();
  expect(before.code).toBe(3);
  expect(before.stdout).toMatch(/^arm +what +expected +measured +n +delta +verdict\n/);
  expect(before.stdout).toContain("pre: 2 of 2 unfinished (2 not started)");
  expect(before.stderr).toContain("4 of 4 runs have not been started");

  expect((await hnorm(dir, "sweep", "t.yaml", "train.seed=1")).code).toBe(0);
  const half = await verify();
  expect([half.code, half.stdout.match(/1\/2/g)?.length]).toEqual([3, 5]);
  const smaller = await verify("train.seed=1");
  expect([smaller.code, smaller.stdout.match(/ met$/gm)?.length]).toEqual([0, 5]);

  expect((await hnorm(dir, "sweep", "t.yaml")).code).toBe(0);
  const all = await verify("--junit", "out/verify.xml");
  expect({ ...all, stdout: "" }).toEqual({ code: 0, signal: null, stdout: "", stderr: "" });
  expect(all.stdout).toMatch(/pre +val_loss on again +0\.5 to \S+ +\d\.\d+ +2\/2 +met\n/);
  const xml = readFileSync(join(dir, "out/verify.xml"), "utf8");
  expect(xml).toContain('<testsuite name="t" tests="5" failures="0" errors="0" skipped="0">');
  expect(xml).toContain("source: 8 symbols &amp; &lt;chance&gt;</system-out>");
  expect(wellFormed(xml)).toBe(true);

  file(dir, "t.yaml", config([...holds, impossible]));
  const missed = await verify("--json", "--junit", "out/verify.xml");
  expect(missed.code).toBe(4);
  const { result, verdicts } = JSON.parse(missed.stdout);
  expect(result).toBe("missed");
  expect(verdicts.at(-1)).toMatchObject({ at: 3, arm: "pre", verdict: "missed", n: 2, source: "nowhere" });
  expect(readFileSync(join(dir, "out/verify.xml"), "utf8")).toContain('failures="1"');
  const table = await verify();
  expect(table.stdout).toContain("pre, val_loss: expectation from nowhere");

  file(dir, "t.yaml", config([...holds, { ...impossible, known: "below the optimum" }]));
  const known = await verify();
  expect(known.code).toBe(0);
  expect(known.stdout).toMatch(/ known\n\npre, val_loss: below the optimum; expectation from nowhere\n$/);

  const gone = await verify("norm=post", "train.seed=1,2");
  expect(gone.code, "runs that have another name when less is swept").toBe(0);
  expect(gone.stdout.match(/left out/g)).toHaveLength(2);
});

test("what is wrong is said before anything starts", async () => {
  const dir = folder();
  file(dir, "t.yaml", config([{ arm: { norm: "prr" }, diverges: false }]));
  file(dir, "none.yaml", tiny());
  for (const command of ["verify", "sweep", "plan"]) {
    const { code, stdout, stderr } = await hnorm(dir, command, "t.yaml");
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/^t\.yaml:1:\d+ expect\[0\]\.arm: no matching arm; did you mean pre\?\n$/);
  }
  const none = await hnorm(dir, "verify", "none.yaml");
  expect([none.code, none.stderr]).toEqual([2, expect.stringContaining("none.yaml: no expect: section")]);
});

/** Every element that begins ends, in order, and there is no bare sign in between. */
function wellFormed(xml: string): boolean {
  const open: string[] = [];
  const text = xml
    .replace(/^<\?xml [^?]*\?>/, "")
    .replace(/<(\/?)([\w-]+)((?: [\w-]+="[^"<>]*")*)(\/?)>/g, (_, end, name, __, empty) => {
      if (end) return open.pop() === name ? "" : "<";
      if (!empty) open.push(name);
      return "";
    });
  return open.length === 0 && !/[<>]|&(?!amp;|lt;|gt;|quot;|#10;)/.test(text);
}
