/** A learned tensor: its name in checkpoints, and the facts that initialization and weight decay depend on. */
import type { Shape } from "../graph/graph.ts";

/** What a parameter does; never asked by name in shared code, only listed in configs (`no_decay`) and init schemes. */
export const ROLES = [
  "embedding",
  "head",
  "q",
  "k",
  "v",
  "o",
  "gate",
  "up",
  "down",
  "router",
  "norm",
] as const;
export type Role = (typeof ROLES)[number];

export interface Parameter {
  readonly name: string;
  /** [out, in] for matrices (y = x W^T), [width] for gains. */
  readonly shape: Shape;
  readonly role: Role;
  /** The block it belongs to, from 0; absent at the ends. */
  readonly layer?: number;
  /** The expert it belongs to, from 0; absent for what all tokens share. */
  readonly expert?: number;
  /** Share of the parameter one token uses: top_k / experts for experts, else 1. */
  readonly active: number;
  /** The first value of all its elements, where its owner says so; else the init scheme draws them by its role. */
  readonly initial?: number;
  /** Factor on the learning rate; absent: 1. */
  readonly lrFactor?: number;
  /** False: weight decay never applies, whatever `train.no_decay` says. */
  readonly decays?: boolean;
}
