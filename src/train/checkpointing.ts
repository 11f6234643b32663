/**
 * When a run saves its state, what belongs to it, and where it goes on. The state is copied between two steps and
 * written while the next ones run; one checkpoint is on its way at a time.
 */
import { performance } from "node:perf_hooks";
import type { Device } from "../backends/backend.ts";
import type { CheckpointConfig } from "../config/schema.ts";
import type { Shape } from "../graph/graph.ts";
import type { NamedTensor } from "../lib/safetensors.ts";
import type { CheckpointFacts } from "../runs/checkpoint-facts.ts";
import { type Checkpoint, saveCheckpoint } from "../runs/checkpoints.ts";
import type { Lease } from "../runs/lease-holder.ts";
import type { RunSummary } from "../runs/status.ts";
import type { RunTables } from "../runs/tables.ts";
import type { WatchState } from "./divergence.ts";

/** What the training loop keeps between steps, beside its tensors. */
export interface LoopState {
  readonly watch: WatchState;
  readonly summary: RunSummary;
}

/** A tensor that a step changes: a weight, or one of the optimizer's moments. */
export interface Kept {
  readonly name: string;
  readonly shape: Shape;
}

/** What the training loop sees of checkpoints. */
export interface Checkpointing {
  /** Steps done before this start, and what the watch remembers of them. */
  readonly from: { readonly step: number; readonly watch: WatchState } | undefined;
  /** Gives the kept tensors the values they had. */
  restore(device: Device, kept: readonly Kept[]): void;
  /** Whether to save after step t. */
  due(t: number): boolean;
  /** Copies the state after step t; returns before the disk has it. */
  save(t: number, device: Device, kept: readonly Kept[], watch: WatchState): Promise<void>;
  /** Waits until all saved state is on disk. */
  settled(): Promise<void>;
}

export interface CheckpointingOptions {
  readonly dir: string;
  readonly policy: CheckpointConfig;
  /** Fields of the facts that are the same for all checkpoints of this run. */
  readonly identity: Pick<CheckpointFacts, "run_id" | "engine" | "data_fingerprint">;
  readonly tables: RunTables;
  readonly summary: () => RunSummary;
  readonly resumed: Checkpoint | undefined;
  readonly lease: Lease;
}

export function checkpointing(options: CheckpointingOptions): Checkpointing {
  const { dir, policy, identity, tables, summary, resumed, lease } = options;
  let saved = performance.now();
  let writing: Promise<void> = Promise.resolve();
  const stateOf = (device: Device, kept: readonly Kept[]) =>
    new Map(
      kept.map(({ name, shape }): [string, NamedTensor] => [name, { shape, values: device.read(name) }]),
    );

  return {
    from: resumed && { step: resumed.facts.step, watch: (resumed.facts.loop as LoopState).watch },
    restore(device, kept) {
      for (const { name, shape } of kept) device.write(name, shape, resumed!.state.get(name)!.values);
    },
    due(t) {
      if (policy.every !== null && t % policy.every === 0) return true;
      return policy.minutes !== null && performance.now() - saved > policy.minutes * 60_000;
    },
    async save(t, device, kept, watch) {
      await writing;
      const loop: LoopState = { watch, summary: summary() };
      const facts: CheckpointFacts = { schema: 2, ...identity, step: t, tables: tables.sync(), loop };
      writing = saveCheckpoint(dir, { facts, state: stateOf(device, kept) }, policy.keep, lease);
      writing.catch(() => {}); // thrown where it is awaited: at the next save, or at the end
      saved = performance.now();
    },
    settled: () => writing,
  };
}
