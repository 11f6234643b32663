/** A run's status file: what state it is in and how it got there. Written whole at every change. */
import { existsSync } from "node:fs";
import { writeFileAtomic } from "../lib/fs-atomic.ts";
import { jsonNumber, jsonText } from "../lib/json.ts";
import { readRegular } from "../lib/regular-file.ts";
import type { Cause } from "./causes.ts";
import type { Lease } from "./lease-holder.ts";
import { runFiles } from "./paths.ts";
import { readProvenance, unigramLossOf, validationHashOf } from "./provenance.ts";

export type RunState = "running" | "done" | "diverged" | "failed" | "interrupted";

/** The numbers a run is ranked by, as far as it got. */
export interface RunSummary {
  /** Optimizer steps done and planned. */
  readonly step: number;
  readonly steps: number;
  /** Of the last evaluation; absent if there was none. */
  readonly val_loss?: number;
  readonly val_ppl?: number;
  readonly val_bits_per_byte?: number;
  /** Of the last step that had one. */
  readonly train_loss?: number;
  /** Largest global gradient norm of any step, before clipping. */
  readonly max_grad_norm?: number;
  readonly parameters: number;
  readonly tokens: number;
}

export interface RunStatus extends Partial<RunSummary> {
  readonly state: RunState;
  /** 1 for the first start of this run, 2 for the next, ... */
  readonly attempt: number;
  readonly run: string;
  readonly id: string;
  readonly engine?: string;
  readonly data_fingerprint?: string;
  /** What the training split's token frequencies cost on the validation tokens, nats per token. */
  readonly unigram_loss?: number;
  /** Of the validation windows: losses on others do not compare. */
  readonly validation_sha256?: string;
  readonly pid: number;
  readonly host: string;
  readonly started: string;
  readonly ended?: string;
  /** Why it failed, where it diverged. */
  readonly message?: string;
  /** Of a run that failed or was interrupted. */
  readonly cause?: Cause;
}

/** `writer`: the run's lease, where one is held. */
export const writeStatus = (
  dir: string,
  status: RunStatus,
  writer: Pick<Lease, "writeFile"> = { writeFile: writeFileAtomic },
): Promise<void> => writer.writeFile(runFiles(dir).status, `${jsonText(status, 2)}\n`);

const MAX_BYTES = 1 << 20;

/** The status on disk, less what is not what it should be; undefined where there is none that says a state. */
export function readStatus(dir: string): RunStatus | undefined {
  try {
    return withMeasurement(dir, soundStatus(JSON.parse(readRegular(runFiles(dir).status, MAX_BYTES))));
  } catch {
    return undefined;
  }
}

const NUMBERS: readonly string[] = [
  "attempt",
  "pid",
  "step",
  "steps",
  "val_loss",
  "val_ppl",
  "val_bits_per_byte",
  "train_loss",
  "max_grad_norm",
  "parameters",
  "tokens",
  "unigram_loss",
] satisfies readonly (keyof RunStatus)[];

function soundStatus(written: unknown): RunStatus | undefined {
  if (typeof written !== "object" || written === null || !("state" in written)) return undefined;
  if (typeof written.state !== "string") return undefined;
  const entries = Object.entries(written).flatMap(([key, value]) => {
    const read = NUMBERS.includes(key) ? jsonNumber(value) : typeof value === "string" ? value : undefined;
    return read === undefined ? [] : [[key, read] as const];
  });
  return withoutResult({ attempt: 1, ...Object.fromEntries(entries) } as RunStatus);
}

/** Former versions called a run done whose last evaluation gave no number. */
function withoutResult(status: RunStatus): RunStatus {
  const { state, val_loss: loss } = status;
  if (state !== "done" || loss === undefined || Number.isFinite(loss)) return status;
  return { ...status, state: "diverged", message: `the loss on validation is ${loss}` };
}

/** Former versions noted it in provenance.json alone. */
function withMeasurement(dir: string, status: RunStatus | undefined): RunStatus | undefined {
  if (status?.state !== "done" || status.unigram_loss !== undefined) return status;
  const provenance = readProvenance(dir);
  const [loss, hash] = [unigramLossOf(provenance), validationHashOf(provenance)];
  return {
    ...status,
    ...(loss === undefined ? {} : { unigram_loss: loss }),
    ...(hash === undefined ? {} : { validation_sha256: hash }),
  };
}

/** A run is finished when its marker is there, which is written after everything else. */
export const isFinished = (dir: string): boolean => existsSync(runFiles(dir).done);

/** How a state reads in tables: a divergence says where. */
export const stateLabel = ({ state, step }: Pick<RunStatus, "state" | "step">): string =>
  state === "diverged" && step !== undefined ? `diverged@${step}` : state;

/** Below the loss of token frequencies by less than this share of it, a model knows nothing else. */
const STUCK_WITHIN = 0.01;

/**
 * Whether a finished run has learned nothing beyond token frequencies, as models do that do not train: what papers print as
 * perplexities of about 1,400. Unknown, and so not said, where the frequencies' loss is.
 */
export const isStuck = (status: RunStatus | undefined): boolean => {
  const { state, val_loss: loss, unigram_loss: unigram } = status ?? {};
  return (
    state === "done" && loss !== undefined && unigram !== undefined && loss > unigram * (1 - STUCK_WITHIN)
  );
};
