/** `hnorm bench` and profiles on the emulated GPU: every op has its time, and nothing else changes. */
import { describe, expect, test } from "vitest";
import { gradientGraph, gradientOf } from "../../src/model/graphs.ts";
import { plan } from "../../src/plan/plan.ts";
import { batchOf, nano, openWith } from "../conformance/nano.ts";
import { finish, folder, start } from "../e2e/hnorm.ts";
import { emulated, environment, missing, reason } from "./engine.ts";

const TIMEOUT = 300_000;
const spec = { model: nano, norm: { name: "pre" } } as const;

describe.skipIf(missing)(reason, () => {
  test(
    "a profile does what a run does, first with and then without a graph, and tells every op",
    async () => {
      const engine = emulated();
      const device = await openWith(engine, spec);
      const { graph, parameters } = gradientGraph(spec, { batch: 2, nativeOps: engine.nativeOps });
      const program = await device.compile(plan(graph, engine.bytes));
      const read = () => parameters.map(({ name }) => device.read(gradientOf(name)));
      const [one, two] = [1, 2].map((seed) => batchOf(nano, 2, { seed }));
      await program.run(one!);
      const first = read();
      await program.run(two!);
      expect(read()).not.toEqual(first);
      await program.run(one!); // by the graph
      expect(read()).toEqual(first);
      await program.run(two!);
      const times = await program.profile!(one!);
      expect(read()).toEqual(first);
      expect(times.length).toBeGreaterThan(30);
      expect(times.every(({ ms }) => ms >= 0)).toBe(true);
      const scopes = new Set(times.map(({ scope }) => scope));
      expect(scopes).toContain("blocks.1.attn");
      expect(scopes).toContain("grad.blocks.0.ffn");
      await device.close();
    },
    TIMEOUT,
  );

  test(
    "bench prints the plan's memory, and the time of each part",
    async () => {
      const model = ["d_model=16", "n_layers=2", "n_heads=2", "ffn_dim=24", "vocab_size=16", "seq_len=8"];
      const args = ["bench", "--engine", "cuda", ...model.map((field) => `model.${field}`)];
      const sizes = ["--micro-batch", "2", "--micro-batches", "2", "--steps", "2", "--warmup", "1", "--json"];
      const { code, stdout, stderr } = await finish(start(folder(), [...args, ...sizes], environment));
      expect(stderr).not.toContain("engine cuda:");
      expect(code).toBe(0);
      const got = JSON.parse(stdout);
      expect(got.chosen).toBe("by warpgroups: none"); // on an Ampere
      expect(Math.abs(got.memory_bytes / got.forecast_bytes - 1)).toBeLessThan(0.02);
      const names = got.parts.map(({ name }: { name: string }) => name);
      for (const part of [
        "linear layers",
        "attention",
        "head and loss",
        "norms and elementwise",
        "optimizer",
      ])
        expect(names).toContain(part);
      const [forward, backward] = ["forward_ms", "backward_ms"].map((key) =>
        got.parts.reduce((sum: number, row: Record<string, number>) => sum + row[key]!, 0),
      );
      expect(Math.min(forward!, backward!)).toBeGreaterThan(0);
    },
    TIMEOUT,
  );
});
