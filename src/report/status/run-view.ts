/** One run of a sweep as `hnorm status` shows it: what state it is in, how far, how fast, and how long it will take. Pure. */
import type { LeaseView } from "../../runs/lease.ts";
import type { RunSnapshot } from "../../runs/snapshot.ts";
import { type RunStatus, stateLabel } from "../../runs/status.ts";
import type { Run } from "../../sweep/expand.ts";

export const VIEW_STATES = [
  "running",
  "stale",
  "interrupted",
  "failed",
  "queued",
  "diverged",
  "done",
] as const;
/** Those of status.json, and: queued, never started; stale, begun by a process that is no more. */
export type ViewState = (typeof VIEW_STATES)[number];

export interface RunView {
  readonly name: string;
  readonly id: string;
  readonly factors: Readonly<Record<string, unknown>>;
  readonly state: ViewState;
  /** The state in words: `diverged@120`, `failed: memory`. */
  readonly label: string;
  readonly attempt?: number;
  readonly host?: string;
  /** The device it was given there. */
  readonly slot?: string;
  /** Its Slurm job, `1234_5`. */
  readonly job?: string;
  /** Optimizer steps done, of how many. */
  readonly step: number;
  readonly steps: number;
  /** While it runs: steps and tokens per second, of late, and seconds left. */
  readonly stepsPerSecond?: number;
  readonly tokensPerSecond?: number;
  readonly etaSeconds?: number;
  /** Training loss of the last step that is known, nats per token. */
  readonly loss?: number;
  readonly valPpl?: number;
  readonly started?: string;
  readonly ended?: string;
  readonly message?: string;
}

/** `silent`: whoever holds the run has been watched for long enough without a sign of life. */
export function viewRun(run: Run, look: RunSnapshot, silent = false): RunView {
  const { status, lease, metrics } = look;
  const state = stateOf(look, silent);
  const { steps, tokens } = run.config.train;
  const last = metrics.at(-1);
  const live = state === "running";
  // A live run's status is of its beginning, and may be of the attempt before.
  const step = (live ? undefined : status?.step) ?? finite(last?.step) ?? status?.step ?? 0;
  const rate = live ? stepsPerSecond(look) : undefined;
  const withLoss = metrics.findLast((row) => finite(row.train_loss) !== undefined) ?? last; // a masked step has none
  const loss = (live ? undefined : status?.train_loss) ?? withLoss?.train_loss ?? status?.train_loss;
  const { host, attempt } = (lease?.held ? lease : status) ?? {};
  return {
    name: run.name,
    id: run.id,
    factors: run.factors,
    state,
    label: labelOf(state, look, silent),
    step: state === "done" ? (status?.step ?? steps) : step,
    steps,
    ...defined({ attempt, host, ...placeOf(lease), loss, valPpl: status?.val_ppl }),
    ...defined({
      started: status?.started,
      ended: status?.ended,
      message: live ? undefined : status?.message,
    }),
    ...(rate === undefined
      ? {}
      : {
          stepsPerSecond: rate,
          tokensPerSecond: (rate * tokens) / steps,
          etaSeconds: (steps - step) / rate,
        }),
  };
}

function stateOf({ finished, status, lease, leaseState }: RunSnapshot, silent: boolean): ViewState {
  if (finished) return status?.state === "diverged" ? "diverged" : "done";
  const said = ended(status);
  if (leaseState === "alive" || leaseState === "elsewhere") return silent ? "stale" : "running";
  // Its last word was its own, and it died only after it; or an earlier attempt's, and it died without one.
  if (leaseState === "dead") return status?.attempt === lease?.attempt ? (said ?? "stale") : "stale";
  return status === undefined ? "queued" : (said ?? "stale");
}

/** The state in which it says that it has stopped. A run that is done has its marker: without it, it was not to be. */
function ended(status: RunStatus | undefined): "failed" | "interrupted" | undefined {
  const { state } = status ?? {};
  return state === "failed" || state === "interrupted" ? state : undefined;
}

function labelOf(state: ViewState, { status, cause, lease }: RunSnapshot, silent: boolean): string {
  if (state === "stale")
    return silent ? `stale: no heartbeat from ${lease?.host}` : "stale: its process has died";
  if (state === "diverged")
    return stateLabel({ state, ...(status?.step === undefined ? {} : { step: status.step }) });
  if (state === "failed" && cause !== undefined) return `failed: ${cause}`;
  return state;
}

/** From the first to the last of the rows at hand, which evaluations and checkpoints between them slow down. */
function stepsPerSecond({ timing }: RunSnapshot): number | undefined {
  const [last] = timing.slice(-1);
  if (last === undefined) return undefined;
  // The clock begins anew with each attempt.
  const restarted = timing.findLastIndex((row, i) => i > 0 && row.wall_s! < timing[i - 1]!.wall_s!);
  const first = timing[Math.max(0, restarted)]!;
  const rate =
    first === last ? 1 / last.step_s! : (last.step! - first.step!) / (last.wall_s! - first.wall_s!);
  return Number.isFinite(rate) && rate > 0 ? rate : undefined;
}

function placeOf(lease: LeaseView | undefined): Pick<RunView, "slot" | "job"> {
  if (!lease?.held) return {};
  const { slot, slurm } = lease;
  const job = slurm && `${slurm.job}${slurm.task === undefined ? "" : `_${slurm.task}`}`;
  return defined({ slot, job });
}

const finite = (value: number | undefined): number | undefined =>
  value !== undefined && Number.isFinite(value) ? value : undefined;

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

const defined = <T extends object>(values: T): Defined<T> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<T>;
