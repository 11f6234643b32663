/** `hnorm bench`: how fast a model trains on this machine, what share of the hardware that is, and where time goes. */

import type { Command } from "commander";
import type { OpTime } from "../../backends/backend.ts";
import { configOf } from "../../config/from-overrides.ts";
import { UserError } from "../../lib/errors.ts";
import { bytes, count, fixed, flops } from "../../lib/format.ts";
import { jsonText } from "../../lib/json.ts";
import { type Column, table } from "../../lib/table.ts";
import { engineChooser } from "../../local/choose-engine.ts";
import { bench, type Measured } from "../../train/bench.ts";
import type { Io } from "../io.ts";

interface Options {
  readonly engine: string;
  readonly preset?: string;
  readonly norm: string;
  readonly microBatch: string;
  readonly microBatches: string;
  readonly steps: string;
  readonly warmup: string;
  readonly peak?: string;
  readonly json?: boolean;
}

export function benchCommand(command: Command, io: Io): void {
  command
    .argument("[overrides...]", "key=value, such as model.seq_len=1024")
    .option("--engine <name>", "the engine", "auto")
    .option("--preset <name>", "the model, unless model.* define it")
    .option("--norm <name>", "the norm strategy", "pre")
    .option("--micro-batch <n>", "sequences per pass", "8")
    .option("--micro-batches <n>", "passes per step", "1")
    .option("--steps <n>", "steps to measure", "10")
    .option("--warmup <n>", "warm-up steps before them", "3")
    .option("--peak <flops>", "FLOP/s that MFU is a share of (default: the GPU's, by its datasheet)")
    .option("--json", "as JSON")
    .action(async (overrides: readonly string[], options: Options) => {
      const [steps, warmup] = [whole("steps", options.steps, 1), whole("warmup", options.warmup, 0)];
      const rows = whole("micro-batch", options.microBatch, 1);
      const microBatches = whole("micro-batches", options.microBatches, 1);
      const config = configOf([
        ...[`engine.name=${options.engine}`, `norm=${options.norm}`, "data.source.name=markov"],
        ...(options.preset === undefined ? [] : [`model.preset=${options.preset}`]),
        ...[`train.steps=${steps + warmup}`, `train.batch_size=${rows * microBatches}`],
        ...[`train.micro_batch_size=${rows}`, "train.lr=0.0001"],
        ...overrides,
      ]);
      const chosen = await engineChooser(io.log)(config.engine.name);
      const given = options.peak === undefined ? undefined : Number(options.peak);
      if (given !== undefined && !(given > 0))
        throw new UserError(`--peak: got ${options.peak}; expected FLOP/s, such as 989e12`);
      const measured = await bench(chosen.engine, config, { steps, warmup, onProgress: io.log });
      const result: Result = {
        engine: chosen.name,
        detail: chosen.detail,
        norm: config.norm.name,
        model: options.preset ?? "given by model.*",
        micro_batch: config.train.micro_batch_size,
        micro_batches: config.train.batch_size / config.train.micro_batch_size,
        ...facts(measured, given ?? chosen.engine.peakFlops?.()),
      };
      io.out(options.json ? jsonText(result) : text(result));
    });
}

function whole(option: string, written: string, least: number): number {
  const n = Number(written);
  if (Number.isInteger(n) && n >= least) return n;
  throw new UserError(`--${option}: got ${written}; expected a whole number from ${least}`);
}

type Result = ReturnType<typeof facts> & {
  readonly engine: string;
  readonly detail: string;
  readonly norm: string;
  readonly model: string;
  readonly micro_batch: number;
  readonly micro_batches: number;
};

function facts(m: Measured, peak: number | undefined) {
  const sorted = m.stepMs.toSorted((a, b) => a - b);
  const median = (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
  const tokensPerSecond = (1000 * m.tokensPerStep) / median;
  return {
    ...(m.chosen === undefined ? {} : { chosen: m.chosen }),
    parameters: m.parameters,
    tokens_per_step: m.tokensPerStep,
    tokens_per_s: tokensPerSecond,
    step_ms: { median, least: sorted[0]!, most: sorted.at(-1)!, all: m.stepMs },
    flops_per_token: m.flopsPerToken,
    counted_parameters: m.countedParameters,
    peak_flops: peak ?? null,
    mfu: peak === undefined ? null : (tokensPerSecond * m.flopsPerToken) / peak,
    memory_bytes: m.memoryBytes,
    forecast_bytes: m.forecastBytes,
    prepare_s: m.prepareSeconds,
    losses: m.losses,
    ...(m.times === undefined ? {} : { parts: parts(m.times), ops: ops(m.times) }),
  };
}

interface Row {
  readonly name: string;
  readonly forward_ms: number;
  readonly backward_ms: number;
}

/** What is done for gradients stands in scopes of its own, and what is computed again for them too. */
const backward = ({ scope }: OpTime): boolean => /^(grad|again)\b/.test(scope);

const parts = (times: readonly OpTime[]) => summed(times, ({ part }) => part);
const ops = (times: readonly OpTime[]) => summed(times, ({ op }) => op);

/** Slowest first. */
function summed(times: readonly OpTime[], nameOf: (time: OpTime) => string): readonly Row[] {
  const rows = new Map<string, Row>();
  for (const time of times) {
    const name = nameOf(time);
    const { forward_ms, backward_ms } = rows.get(name) ?? { forward_ms: 0, backward_ms: 0 };
    const [forth, back] = backward(time) ? [0, time.ms] : [time.ms, 0];
    rows.set(name, { name, forward_ms: forward_ms + forth, backward_ms: backward_ms + back });
  }
  return [...rows.values()].toSorted((a, b) => total(b) - total(a));
}

const total = ({ forward_ms, backward_ms }: Row): number => forward_ms + backward_ms;
const ms = (n: number): string => fixed(n, n < 10 ? 2 : 1);

function text(r: Result): string {
  const { median, least, most, all } = r.step_ms;
  const share =
    r.mfu === null
      ? "MFU           unknown: no peak FLOP/s is known for this device (set --peak)"
      : `MFU           ${fixed(100 * r.mfu, 1)} % of ${flops(r.peak_flops!)}/s, by PaLM's (6 N + 12 L d T) tokens/s: ${flops(r.flops_per_token)} per token, N = ${count(r.counted_parameters)}`;
  const lines = [
    `engine        ${r.engine}: ${r.detail}`,
    ...(r.chosen === undefined ? [] : [`chosen        ${r.chosen}`]),
    `model         ${r.model}, norm ${r.norm}, ${count(r.parameters)} parameters`,
    `step          ${count(r.tokens_per_step)} tokens: ${r.micro_batches} x ${r.micro_batch} sequences`,
    `tokens/s      ${count(r.tokens_per_s)}`,
    `step ms       ${ms(median)} (median of ${all.length}; ${ms(least)} to ${ms(most)})`,
    share,
    `memory        ${bytes(r.memory_bytes)}; forecast ${bytes(r.forecast_bytes)}`,
    `startup       ${fixed(r.prepare_s, 1)} s`,
  ];
  if (r.parts === undefined) return lines.join("\n");
  const whole = r.parts.reduce((sum, row) => sum + total(row), 0);
  const columns: readonly Column<Row>[] = [
    { title: "part of a step", text: ({ name }) => name, align: "left" },
    { title: "forward ms", text: (row) => ms(row.forward_ms) },
    { title: "backward ms", text: (row) => ms(row.backward_ms) },
    { title: "share", text: (row) => `${fixed((100 * total(row)) / whole, 1)} %` },
  ];
  const note = `op by op: ${ms(whole)} ms; the head's gradient counts as forward, where it is computed`;
  return [...lines, "", table(r.parts, columns), note].join("\n");
}
