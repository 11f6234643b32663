/** What passes between `hnorm sweep` or `hnorm worker` and the process of one run (`hnorm run-one`). */
import type { EngineName } from "../backends/registry.ts";
import type { DataContext } from "../data/source.ts";
import type { Claimant } from "../runs/lease-holder.ts";
import type { RunSpec } from "../train/run.ts";

/** All a child needs to know. What it sends back are the `RunEvent`s of train/events.ts. */
export interface Work {
  readonly spec: RunSpec;
  readonly dir: string;
  readonly data: DataContext;
  readonly claim?: Claimant;
  /** What `engine: auto` means; absent: to be found out. */
  readonly engine?: EngineName;
  /** The words of the command that the user gave. */
  readonly command?: readonly string[];
  /** Where its stderr goes; the file gets the attempt's name once that has a number. */
  readonly stderr?: string;
}

/** What the parent sends: first the work, later perhaps `stop`. */
export type ToChild = { readonly kind: "work"; readonly work: Work } | { readonly kind: "stop" };
