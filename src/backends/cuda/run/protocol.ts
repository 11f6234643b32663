/**
 * What the main thread and the thread that owns the GPU say to each other. Programs run by messages, so that the main
 * thread's event loop stays alive; variables pass through a buffer of shared memory, for which the caller waits.
 */
import type { SerializedError } from "../../../lib/serialized-error.ts";
import type { Values } from "../../backend.ts";
import type { GpuInfo } from "../driver/gpu.ts";
import type { LibraryPaths } from "../driver/libraries.ts";
import type { Compiled } from "../kernel-code/kernel-code.ts";
import type { CommandList } from "../plan/command-list.ts";

/** What the GPU's thread starts with. */
export interface Start {
  readonly libraries: LibraryPaths;
  /** Where compiled kernels and chosen algorithms are kept. */
  readonly cacheFolder: string;
  readonly staging: SharedArrayBuffer;
  readonly board: SharedArrayBuffer;
}

export type Request =
  | {
      readonly kind: "compile";
      readonly id: number;
      readonly program: number;
      readonly commandList: CommandList;
    }
  | { readonly kind: "prepare"; readonly id: number; readonly kernels: readonly Compiled[] }
  | Run<"run">
  | Run<"profile">
  | { readonly kind: "release"; readonly id: number; readonly program: number }
  | { readonly kind: "memory"; readonly id: number }
  | { readonly kind: "close"; readonly id: number }
  | Access;

export interface Run<K extends string> {
  readonly kind: K;
  readonly id: number;
  readonly program: number;
  readonly feeds: Readonly<Record<string, Values>>;
}

/** Part of a variable's values, in the staging buffer. `elements`: how many the whole variable has. */
export interface Access {
  readonly kind: "write" | "read";
  readonly variable: string;
  readonly elements: number;
  readonly from: number;
  readonly count: number;
}

export type Reply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: SerializedError };

/** How far it is with what lasts, in words. */
export interface Progress {
  readonly progress: string;
}

/** The first message: the GPU is ready, or why not. */
export type Ready = { readonly gpu: GpuInfo } | { readonly error: SerializedError };
