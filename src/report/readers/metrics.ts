/** What figures need of metrics.csv: training loss and gradient norm in buckets, clipped steps, spikes. One pass. */
import { stepOf } from "../../probes/row.ts";
import { tableRows } from "../../runs/read-table.ts";
import { type Bucket, buckets } from "./buckets.ts";
import { SPIKE_FACTOR, type Spike, spikeWatch } from "./spikes.ts";

export interface Metrics {
  /** Rows that were written, one per logged step. */
  readonly rows: number;
  readonly lastStep: number;
  readonly tokensPerStep: number;
  /** Nats per token. */
  readonly loss: readonly Bucket[];
  /** The global L2 norm before clipping. */
  readonly gradNorm: readonly Bucket[];
  /** Rows whose gradient was scaled down. */
  readonly clipped: number;
  readonly lossSpikes: Spikes;
  readonly gradSpikes: Spikes;
  /** The first step whose loss or gradient norm is not a finite number. */
  readonly notFiniteAt?: number;
}

export interface Spikes {
  readonly count: number;
  readonly worst?: Spike;
}

/** `width`: steps per bucket. undefined where there is no row. */
export function readMetrics(path: string, width: number): Metrics | undefined {
  const [loss, gradNorm] = [buckets(width), buckets(width)];
  const watches = [spikeWatch(SPIKE_FACTOR.loss), spikeWatch(SPIKE_FACTOR.gradNorm)] as const;
  let [rows, clipped, lastStep, tokens] = [0, 0, 0, 0];
  let notFiniteAt: number | undefined;
  for (const row of tableRows(path)) {
    const step = stepOf(row);
    if (step === undefined) continue;
    const values = [row.number("train_loss"), row.number("grad_norm")] as const;
    // An empty cell: a step whose every token was masked has no loss.
    const wrong = (column: string, value: number) => row.text(column) !== "" && !Number.isFinite(value);
    if (wrong("train_loss", values[0]) || wrong("grad_norm", values[1])) notFiniteAt ??= step;
    loss.add(step, values[0]);
    gradNorm.add(step, values[1]);
    watches[0].add(step, values[0]);
    watches[1].add(step, values[1]);
    if (row.number("clip_coef") < 1) clipped++;
    rows++;
    lastStep = step;
    tokens = row.number("tokens");
  }
  if (rows === 0) return undefined;
  return {
    rows,
    lastStep,
    tokensPerStep: tokens / lastStep,
    clipped,
    loss: loss.list(),
    gradNorm: gradNorm.list(),
    lossSpikes: seen(watches[0]),
    gradSpikes: seen(watches[1]),
    ...(notFiniteAt === undefined ? {} : { notFiniteAt }),
  };
}

const seen = ({ count, worst }: ReturnType<typeof spikeWatch>): Spikes => ({
  count,
  ...(worst === undefined ? {} : { worst }),
});
