/**
 * Where the numbers of a run go while it trains: tables on disk, a progress display, an experiment tracker. A run may have
 * any number of sinks; each is told everything and takes what it has a use for.
 */
import type { Rows } from "../../probes/probe.ts";
import type { Evaluation } from "../evaluate.ts";
import type { Evaluator } from "../evaluation-sets.ts";

/** One optimizer step. */
export interface StepRecord {
  readonly step: number;
  readonly steps: number;
  /** Trained on so far. */
  readonly tokens: number;
  /** Mean cross-entropy before the update, nats per token that is not masked; absent where all are. */
  readonly loss: number | undefined;
  readonly lr: number;
  /** Global L2 norm of the gradient before clipping, and the factor clipping applied. */
  readonly gradNorm: number;
  readonly clipCoefficient: number;
  /** That the step took; since the run began or was resumed. */
  readonly seconds: number;
  readonly elapsedSeconds: number;
  readonly tokensPerSecond: number;
}

export interface Sink {
  stepped?(record: StepRecord): void;
  /** Rows of a probe's table, without the step. */
  measured?(step: number, table: string, rows: Rows): void;
  evaluated?(step: number, on: Pick<Evaluator, "split" | "protocol">, evaluation: Evaluation): void;
}
