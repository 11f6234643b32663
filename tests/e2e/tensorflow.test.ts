/** Engine `tensorflow` as a user meets it: the same sweep as on `cpu`, twice the same bytes, and a quiet console. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { tensorflow } from "../../src/backends/tensorflow/tensorflow.ts";
import { file, folder, hnorm, tiny } from "./hnorm.ts";

const available = await tensorflow.available();
const FIXTURE = new URL("../fixtures/parity/hybrid-star/", import.meta.url).pathname;
const arms = (engine: string, ...norm: readonly string[]) => tiny({ engine, sweep: { grid: { norm } } });

/** Files of every run of the sweep NAME of `dir`, by the norm that the run's name starts with. */
function runsOf(dir: string, name: string): ReadonlyMap<string, (file: string) => Buffer> {
  const sweep = join(dir, "runs", name);
  const folders = readdirSync(sweep).filter((run) => /^(pre|hybrid-star)-/.test(run));
  return new Map(
    folders.map((run) => [run.replace(/-[^-]+$/, ""), (path) => readFileSync(join(sweep, run, path))]),
  );
}

const columns = (csv: Buffer, ...titles: readonly string[]): readonly number[][] => {
  const [head, ...rows] = csv
    .toString()
    .trimEnd()
    .split("\n")
    .map((line) => line.split(","));
  for (const title of titles) expect(head).toContain(title);
  return titles.map((title) => rows.map((row) => Number(row[head!.indexOf(title)])));
};

describe.skipIf(!available.ok)("engine tensorflow", () => {
  test("trains the loss curve of engine cpu, and writes the same bytes again", async () => {
    const dir = folder();
    const sweeps = {
      js: arms("tensorflow", "pre", "hybrid-star"),
      onnx: arms("cpu", "pre", "hybrid-star"),
      again: arms("tensorflow", "hybrid-star"),
    };
    for (const [name, text] of Object.entries(sweeps)) {
      const { code } = await hnorm(dir, "sweep", file(dir, `${name}.yaml`, text));
      expect(code, name).toBe(0);
    }
    const [js, onnx, again] = Object.keys(sweeps).map((name) => runsOf(dir, name));
    expect([...js!.keys()].sort()).toEqual(["hybrid-star", "pre"]);
    for (const [norm, read] of js!) {
      const other = onnx!.get(norm)!;
      const curve = columns(read("metrics.csv"), "train_loss", "grad_norm").flat();
      const want = columns(other("metrics.csv"), "train_loss", "grad_norm").flat();
      expect(curve).toHaveLength(2 * 12);
      expect(largestError(curve, want), `${norm}: training`).toBeLessThan(1e-5);
      const evaluated = columns(read("eval.csv"), "loss").flat();
      expect(evaluated).toHaveLength(2);
      const wanted = columns(other("eval.csv"), "loss").flat();
      expect(largestError(evaluated, wanted), `${norm}: validation`).toBeLessThan(1e-5);
    }
    const [first, second] = [js!.get("hybrid-star")!, again!.get("hybrid-star")!];
    // The sweep's name is no part of a run, so even the identity within the weights is the same.
    for (const path of ["metrics.csv", "eval.csv", "grad_norms.csv", "weights.safetensors"])
      expect(first(path).equals(second(path)), path).toBe(true);
  });

  test("hnorm step --json prints one JSON object and not a word more", async () => {
    const dir = folder();
    const { code, stdout, stderr } = await hnorm(
      dir,
      ...["step", `${FIXTURE}config.yaml`, "engine=tensorflow", "--json"],
      ...["--weights", `${FIXTURE}weights.safetensors`, "--tokens", `${FIXTURE}tokens.json`],
    );
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ engine: "tensorflow", norm: "hybrid-star" });
  });
});

const largestError = (got: readonly number[], want: readonly number[]): number =>
  Math.max(...want.map((x, i) => Math.abs(got[i]! / x - 1)));
