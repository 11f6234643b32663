/** `hnorm status DIR`: of a sweep while it runs and after, of a folder of sweeps, watched; of folders that are none. */
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { file, finish, folder, hnorm, start, tiny } from "./hnorm.ts";

test("a sweep from its first run to its last, watched", async () => {
  const dir = folder();
  file(dir, "t.yaml", tiny({ sweep: { grid: { norm: ["pre", "post"] } } }));
  const sweep = start(dir, ["sweep", "t.yaml", "train.steps=40"]);
  const swept = finish(sweep);
  const status = (...args: readonly string[]) => hnorm(dir, "status", ...args);
  const deadline = Date.now() + 50_000;
  for (;;) {
    const { code } = await status("t", "--json");
    if (code === 0 || Date.now() > deadline) break;
  }
  const watched = await status("runs/t", "--watch");
  expect(watched).toMatchObject({ code: 0, stderr: "" });
  expect(watched.stdout).toMatch(/^t: 2 runs: /);
  expect(watched.stdout.trimEnd()).toMatch(/t: 2 runs: 2 done; step 80 of 80$/);
  expect((await swept).code).toBe(0);

  const text = await status("runs/t");
  expect(text.stdout).toMatch(/^run +state +attempt +where +step/);
  expect(text.stdout).toMatch(/^pre-\w+ +done +1 +\S+ +40\/40/m);
  const { over, counts, eta_seconds, runs } = JSON.parse((await status("t", "--json")).stdout);
  expect([over, counts.done, eta_seconds, runs.length]).toEqual([true, 2, null, 2]);
  expect(runs[0]).toMatchObject({ state: "done", attempt: 1, step: 40, steps: 40 });
  expect(runs[0].val_ppl).toBeGreaterThan(1);
});

test("a folder of sweeps, one run, and a folder that is neither", async () => {
  const dir = folder();
  const config = { ...JSON.parse(tiny()), norm: { name: "pre" }, eval: {}, log: {} };
  const run = (name: string) => ({ name, id: name, factors: {}, config });
  for (const name of ["one", "two"]) {
    mkdirSync(join(dir, "runs", name), { recursive: true });
    writeFileSync(
      join(dir, "runs", name, "sweep.json"),
      JSON.stringify({ name, runs: [run("a"), run("b")] }),
    );
  }
  const status = (...args: readonly string[]) => hnorm(dir, "status", ...args);
  const all = await status();
  expect(all.code).toBe(0);
  expect(all.stdout).toMatch(/^one: 2 runs: 2 queued; .*\ntwo: 2 runs: 2 queued;/);
  mkdirSync(join(dir, "runs/one/a"));
  expect((await status("runs/one/a")).stdout).toMatch(/one: 1 run: 1 queued;/);
  expect(await status("runs/tow")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("did you mean runs/two?"),
  });

  const watching = start(dir, ["status", "one", "--watch"]);
  const ended = finish(watching);
  await once(watching.stdout!, "data");
  watching.kill("SIGINT");
  expect(await ended).toMatchObject({ code: 0, signal: null, stderr: "" });
});
