/** What a run tells whoever watches it, as plain data that can cross a process border. */
import type { RunStatus } from "../runs/status.ts";

export type RunEvent =
  /** It holds the run's lease and begins, after `step` steps. */
  | { readonly kind: "begin"; readonly attempt: number; readonly step: number }
  /** Another process holds the lease. */
  | { readonly kind: "taken" }
  | { readonly kind: "phase"; readonly text: string; readonly done?: number; readonly total?: number }
  | {
      readonly kind: "step";
      readonly step: number;
      readonly steps: number;
      /** Absent where every token of the step was masked. */
      readonly loss?: number;
      readonly tokensPerSecond: number;
    }
  | {
      readonly kind: "evaluation";
      readonly step: number;
      readonly loss: number;
      readonly ppl: number;
      readonly bitsPerByte: number;
    }
  | { readonly kind: "end"; readonly status: RunStatus };
