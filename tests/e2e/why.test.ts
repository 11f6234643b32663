/** `hnorm why A B`: runs by folder, by the start of a name, by config; and what it says of words that name none. */
import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { file, folder, hnorm, tiny } from "./hnorm.ts";

test("runs and configs compared; words that name no run are said so with what is near", async () => {
  const dir = folder();
  file(dir, "t.yaml", tiny({ sweep: { grid: { norm: ["pre", "post"] } } }));
  expect((await hnorm(dir, "sweep", "t.yaml", "train.steps=2")).code).toBe(0);
  const why = (...words: readonly string[]) => hnorm(dir, "why", ...words);

  const two = await why("runs/t/pre", "post");
  expect(two).toMatchObject({ code: 0, stderr: "" });
  expect(two.stdout).toMatch(
    /different runs: 1 field that affects results differs\n +field +A +B\n +norm\.name +pre +post\n$/,
  );

  const again = await why("t/pre", "t.yaml", "train.steps=2", "train.micro_batch_size=4");
  expect(again.stdout).toContain("the same run");
  expect(again.stdout).toMatch(/without effect on results:\n.*\n +train\.micro_batch_size +2 +4/);

  const longer = JSON.parse((await why("runs/t/post", "t.yaml", "--json")).stdout);
  expect(longer.same, "of the arms of the config the one most like it").toBe(false);
  expect(longer.counting.map(({ key }: { key: string }) => key)).toEqual(["train.tokens"]);

  cpSync(join(dir, "runs"), join(dir, "other"), { recursive: true });
  const made = JSON.stringify({ node: "v99.0.0", data: { fingerprint: "f".repeat(64) } });
  writeFileSync(join(dir, longer.a.name.replace("runs", "other"), "provenance.json"), made);
  const { stdout } = await why("runs/t/post", "other/t/post");
  expect(stdout).toContain("same id, but different provenance");
  expect(stdout).toMatch(/data\.fingerprint +[0-9a-f]{12} +ffffffffffff\n/);
  expect(stdout).toMatch(/node +v\d\S+ +v99\.0\.0/);

  const complaint = async (...words: readonly string[]) => {
    const { code, stdout, stderr } = await why(...words);
    expect([code, stdout]).toEqual([2, ""]);
    return stderr;
  };
  expect(await complaint("runs/t/prr", "t.yaml")).toContain("did you mean pre?");
  expect(await complaint("runs/t/p", "t.yaml")).toMatch(/2 runs match: pre-\w+, post-\w+/);
  expect(await complaint("tt.yaml", "t.yaml")).toContain("did you mean t.yaml?");
  expect(await complaint("runs/t", "t.yaml")).toMatch(/has 2 runs and t\.yaml has 2; name one run/);
  writeFileSync(join(dir, "runs/t/sweep.json"), '{"runs": [7]}');
  expect(await complaint("runs/t/pre", "t.yaml")).toContain("not a valid sweep.json");
});

test("of arms with several seeds the two runs most alike are compared, and no arm whose name goes on", async () => {
  const dir = folder();
  file(dir, "s.yaml", tiny({ sweep: { grid: { norm: ["pre", "post-shifted", "post"] }, seeds: 2 } }));
  expect((await hnorm(dir, "sweep", "s.yaml", "train.steps=1")).code).toBe(0);
  const oneField =
    /different runs: 1 field that affects results differs\n +field +A +B\n +norm\.name +pre +post\n$/;
  for (const words of [
    ["runs/s/pre", "post"],
    ["runs/s/pre-seed2", "post"],
  ]) {
    const { code, stdout, stderr } = await hnorm(dir, "why", ...words);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout, words.join(" ")).toMatch(oneField);
  }
  const { code, stderr } = await hnorm(dir, "why", "runs/s/p", "post");
  expect([code, stderr]).toEqual([2, expect.stringMatching(/6 runs match: .*, and 1 more\n$/)]);
});
