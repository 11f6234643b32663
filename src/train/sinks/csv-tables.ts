/** A sink that writes the run's CSV tables. */
import type { LogConfig } from "../../config/schema.ts";
import type { RunTables } from "../../runs/tables.ts";
import type { Sink } from "./sink.ts";

/** Of the steps it writes every `every`-th, the first, the last, and those whose numbers are not finite. */
export const csvTables = ({ every }: Pick<LogConfig, "every">, tables: RunTables): Sink => ({
  stepped(record) {
    const { step, steps, tokens, lr, loss, gradNorm, clipCoefficient } = record;
    const finite = Number.isFinite((loss ?? 0) + gradNorm);
    if (step % every !== 0 && step !== 1 && step !== steps && finite) return;
    tables.metrics.append({
      step,
      tokens,
      lr,
      train_loss: loss,
      train_ppl: loss === undefined ? undefined : Math.exp(loss),
      grad_norm: gradNorm,
      clip_coef: clipCoefficient,
    });
    tables.timing.append({
      step,
      wall_s: record.elapsedSeconds,
      step_s: record.seconds,
      tokens_per_s: record.tokensPerSecond,
      rss_mib: process.memoryUsage.rss() / 2 ** 20,
    });
  },
  measured(step, table, rows) {
    tables.probes.get(table)!.append(...rows.map((row) => ({ step, ...row })));
  },
  evaluated(step, { split, protocol }, { scores, tokens, bytes }) {
    tables.evaluations.append({
      step,
      protocol,
      split,
      ...scores,
      n_tokens: tokens,
      n_bytes: bytes,
    });
  },
});
