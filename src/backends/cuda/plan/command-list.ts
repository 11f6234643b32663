/**
 * A lowered program as plain data: what the main thread works out and the thread that owns the GPU carries out. It
 * holds no address, only places: an offset from a base that the GPU's thread knows by name.
 */
import type { Gemm, Pointers } from "../lower/lowering.ts";
import type { BufferView } from "../memory/buffer.ts";
import type { Storage } from "../memory/storage.ts";

export interface Place {
  /** `arena`, or one of `baseOf`. */
  readonly base: string;
  /** Bytes. */
  readonly offset: number;
}

/** Bases beside the arena: a variable, what takes its place, a table. */
export const baseOf = {
  variable: (name: string): string => `variable ${name}`,
  successor: (name: string): string => `successor of ${name}`,
  constant: (name: string): string => `constant ${name}`,
} as const;
export const ARENA = "arena";

export interface KernelSpec {
  readonly file: string;
  readonly kernel: string;
  readonly define: Readonly<Record<string, number | string>>;
}

export type Param = Place | null | { readonly i32: number } | { readonly f32: number } | Pointers<Place>;
export type Dimensions = readonly [x: number, y: number, z: number];

export interface Operand extends Place {
  readonly storage: Storage;
}

export type GemmShape = Required<Omit<Gemm, "a" | "b" | "c">>;

export type Command =
  | {
      readonly kind: "launch";
      /** Index into the list's kernels. */
      readonly kernel: number;
      readonly grid: Dimensions;
      readonly block: Dimensions;
      readonly sharedBytes: number;
      readonly args: readonly Param[];
    }
  | {
      readonly kind: "gemm";
      readonly shape: GemmShape;
      readonly a: Operand;
      readonly b: Operand;
      readonly c: Operand;
    }
  | { readonly kind: "fill"; readonly to: Operand; readonly elements: number; readonly value: number }
  | { readonly kind: "copy"; readonly to: Place; readonly from: Place; readonly bytes: number };

/** What goes in before a run, or comes out after it. */
export interface Transfer {
  readonly name: string;
  readonly place: Operand;
  readonly elements: number;
}

/** What commands come from, from where the ones before it end: an application of an op. */
export interface Origin {
  readonly op: string;
  readonly scope: string;
  /** Index of the first command after its own. */
  readonly end: number;
}

export interface StoredVariable {
  readonly name: string;
  readonly elements: number;
  readonly storage: Storage;
}

export interface CommandList {
  readonly arenaBytes: number;
  /** Of the largest tensor that an op makes. */
  readonly mostElements: number;
  readonly kernels: readonly KernelSpec[];
  readonly commands: readonly Command[];
  readonly origins: readonly Origin[];
  readonly variables: readonly StoredVariable[];
  readonly constants: readonly { readonly name: string; readonly values: Float32Array | Int32Array }[];
  readonly feeds: readonly Transfer[];
  readonly outputs: readonly Transfer[];
}

/** Turns views into places, once the arena is laid out. */
export type Resolve = (view: BufferView) => Operand;
