/** What the training loop tells: keeps the run's summary and its clock, and passes all on to the sinks. */
import { performance } from "node:perf_hooks";
import { MAIN } from "../config/evaluation-metrics.ts";
import type { RunConfig } from "../config/schema.ts";
import { size } from "../graph/graph.ts";
import type { LIKELIHOOD } from "../protocols/likelihood.ts";
import type { Scores } from "../protocols/protocol.ts";
import type { RunSummary } from "../runs/status.ts";
import type { Sink, StepRecord } from "./sinks/sink.ts";
import type { Recorder } from "./trainer.ts";

export interface RunRecorder extends Recorder {
  summary(): RunSummary;
}

/** `from`: the summary of an earlier start that this one goes on from. */
export function recorder(
  config: Pick<RunConfig, "model" | "train">,
  sinks: readonly Sink[],
  from?: RunSummary,
): RunRecorder {
  const { steps, batch_size } = config.train;
  const tokensPerStep = batch_size * config.model.seq_len;
  const start = performance.now();
  let last = start;
  let summary: RunSummary = from ?? { step: 0, steps, parameters: 0, tokens: 0 };

  return {
    summary: () => summary,
    started(parameters) {
      summary = { ...summary, parameters: parameters.reduce((sum, p) => sum + size(p.shape), 0) };
      last = performance.now();
    },
    stepped(t, { loss, lr, gradNorm, clipCoefficient, measured }) {
      const now = performance.now();
      const seconds = (now - last) / 1000;
      last = now;
      const tokens = t * tokensPerStep;
      summary = {
        ...summary,
        step: t,
        tokens,
        ...(loss === undefined ? {} : { train_loss: loss }),
        max_grad_norm: largest(summary.max_grad_norm, gradNorm),
      };
      const record: StepRecord = {
        step: t,
        steps,
        tokens,
        loss,
        lr,
        gradNorm,
        clipCoefficient,
        seconds,
        elapsedSeconds: (now - start) / 1000,
        tokensPerSecond: tokensPerStep / seconds,
      };
      for (const sink of sinks) {
        sink.stepped?.(record);
        for (const tables of measured)
          for (const [table, rows] of Object.entries(tables)) sink.measured?.(t, table, rows);
      }
    },
    evaluated(t, on, evaluation) {
      for (const sink of sinks) sink.evaluated?.(t, on, evaluation);
      last = performance.now();
      if (on.split !== MAIN) return; // the summary is of the main set alone
      const { loss, ppl, bits_per_byte: bitsPerByte } = evaluation.scores as Scores<keyof typeof LIKELIHOOD>;
      summary = { ...summary, val_loss: loss, val_ppl: ppl, val_bits_per_byte: bitsPerByte };
    },
  };
}

/** The larger of two norms; a norm that is not a number is the largest of all. */
const largest = (a: number | undefined, b: number): number =>
  a === undefined || b > a || Number.isNaN(b) ? b : a;
