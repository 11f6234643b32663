/** A `Recorder` that writes the run's CSV tables, keeps its summary, and tells the watcher. */
import { performance } from "node:perf_hooks";
import { MAIN } from "../config/evaluation-metrics.ts";
import type { RunConfig } from "../config/schema.ts";
import { size } from "../graph/graph.ts";
import type { LIKELIHOOD } from "../protocols/likelihood.ts";
import type { Scores } from "../protocols/protocol.ts";
import type { RunSummary } from "../runs/status.ts";
import type { RunTables } from "../runs/tables.ts";
import type { RunEvent } from "./events.ts";
import type { Recorder } from "./trainer.ts";

export interface RunRecorder extends Recorder {
  summary(): RunSummary;
}

/** `from`: the summary of an earlier start that this one goes on from. */
export function recorder(
  config: RunConfig,
  tables: RunTables,
  tell: (event: RunEvent) => void,
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
    stepped(t, { loss, lr, gradNorm, clipCoefficient }) {
      const now = performance.now();
      const seconds = (now - last) / 1000;
      last = now;
      const tokens = t * tokensPerStep;
      summary = {
        ...summary,
        step: t,
        tokens,
        train_loss: loss,
        max_grad_norm: largest(summary.max_grad_norm, gradNorm),
      };
      if (t % config.log.every === 0 || t === 1 || t === steps || !Number.isFinite(loss + gradNorm)) {
        const row = { step: t, tokens, lr, train_loss: loss, train_ppl: Math.exp(loss), grad_norm: gradNorm };
        tables.metrics.append({ ...row, clip_coef: clipCoefficient });
        tables.timing.append({
          step: t,
          wall_s: (now - start) / 1000,
          step_s: seconds,
          tokens_per_s: tokensPerStep / seconds,
          rss_mib: process.memoryUsage.rss() / 2 ** 20,
        });
      }
      tell({ kind: "step", step: t, steps, loss, tokensPerSecond: tokensPerStep / seconds });
    },
    gradientNorms(t, rows) {
      tables.gradientNorms.append(...rows.map((row) => ({ step: t, ...row })));
    },
    routed(t, routers, experts) {
      tables.routers?.append(
        ...routers.map(({ layer, entropy, balanceLoss, zLoss, droppedTokens }) => {
          const losses = { balance_loss: balanceLoss, z_loss: zLoss };
          return { step: t, layer, entropy, ...losses, dropped_tokens: droppedTokens };
        }),
      );
      tables.experts?.append(...experts.map((row) => ({ step: t, ...row })));
    },
    evaluated(t, { split, protocol }, { scores, tokens, bytes }) {
      tables.evaluations.append({ step: t, protocol, split, ...scores, n_tokens: tokens, n_bytes: bytes });
      last = performance.now();
      if (split !== MAIN) return; // the summary is of the main set alone
      const { loss, ppl, bits_per_byte: bitsPerByte } = scores as Scores<keyof typeof LIKELIHOOD>;
      summary = { ...summary, val_loss: loss, val_ppl: ppl, val_bits_per_byte: bitsPerByte };
      tell({ kind: "evaluation", step: t, loss, ppl, bitsPerByte });
    },
  };
}

/** The larger of two norms; a norm that is not a number is the largest of all. */
const largest = (a: number | undefined, b: number): number =>
  a === undefined || b > a || Number.isNaN(b) ? b : a;
