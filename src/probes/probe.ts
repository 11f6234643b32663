/**
 * What a probe is: something measured while a model trains, which changes nothing. One file each: the values of the model
 * it looks at, the tables it writes, the steps it runs at, and how a report reads its tables back.
 */
import { z } from "zod";
import type { Emit, Tensor } from "../graph/graph.ts";
import type { Parameter } from "../model/parameter.ts";
import type { ModelConfig } from "../model/schema.ts";
import type { Tap } from "../model/taps.ts";
import type { Reader } from "./reader.ts";

/** What each column holds, and in which unit. `step` stands before them in every table. */
export type Columns = Readonly<Record<string, string>>;
/** A probe's tables, by file name. */
export type Tables = Readonly<Record<string, Columns>>;
/** An empty cell is undefined. */
export type Rows<C extends Columns = Columns> = readonly {
  readonly [column in keyof C]?: string | number | undefined;
}[];
/** The rows of one step, for each table. */
export type TableRows<T extends Tables = Tables> = { readonly [file in keyof T]: Rows<T[file]> };

/** How the values of a step's micro-batches become one: their sum, their mean, or the largest of each element. */
export type Accumulation = "sum" | "mean" | "max";

/** A small tensor that each micro-batch gives; here accumulated over those of a step. */
export interface Reading {
  readonly values: ArrayLike<number>;
  /** Of a scalar. */
  readonly value: number;
}

/** What a probe may add to a graph under construction. */
export interface ProbeGraph {
  readonly model: ModelConfig;
  readonly emit: Emit;
  /** Reads the value back after each micro-batch. It should be small: a sum over the tokens, not the tokens. */
  output(value: Tensor, over: Accumulation): Reading;
  /** Calls `then` with d loss / d `value` once the backward pass has it; never in a graph without gradients. */
  gradient(value: Tensor, then: (gradient: Tensor) => void): void;
}

/** What is known of a step besides. */
export interface StepFacts {
  /** Tokens of all its micro-batches. */
  readonly tokens: number;
  readonly parameters: readonly Parameter[];
  /** Squared L2 norm of a parameter's gradient, before clipping. */
  gradientSquares(parameter: string): number;
  /** Of the parameter itself, before the update. */
  weightSquares(parameter: string): number;
}

/** A probe at work in one graph. */
export interface Measurement<T extends Tables = Tables> {
  /** Called for each value of the model, in the order of the forward pass. */
  tap?(tap: Tap): void;
  /** What is written of a step. */
  rows(step: StepFacts): TableRows<T>;
}

export interface Probe<P = unknown, T extends Tables = Tables> {
  /** One clause: what it measures. */
  readonly summary: string;
  /** Who measures it so: authors, year, arXiv number, or code. */
  readonly cite: string;
  /** Its own options, and `every`. */
  readonly params: z.ZodType<P>;
  /** Whether it runs where a config names no probes. */
  readonly byDefault?: true;
  /** Whether it has anything to measure in such a model; absent: in all. */
  appliesTo?(model: ModelConfig): boolean;
  readonly tables: T;
  /**
   * Which graphs it taps. `due`: only those of the steps it runs at, which are compiled for it; else the graph costs
   * nothing. `always`: every step's, where that costs next to nothing and saves a second graph. Absent: none.
   */
  readonly taps?: "due" | "always";
  /** Whether it needs `weightSquares`. */
  readonly weightNorms?: true;
  /** Called once for each graph that steps at which it is due may run. */
  measure(graph: ProbeGraph, params: P): Measurement<T>;
  /** What a report reads back. */
  readonly readers?: readonly Reader[];
}

/** Steps between rows, which steps 1, 100 and the last always get; default: log.grad_norms_every. */
const every = { every: z.int().min(1).optional() };

/** Ties a probe's `measure` to its tables' columns and its options. `options`: those it has beside `every`. */
export function defineProbe<const T extends Tables, S extends z.ZodRawShape = Record<never, never>>({
  options,
  ...probe
}: Omit<Probe<z.output<z.ZodObject<S>>, T>, "params"> & { readonly options?: S }) {
  const params = z.strictObject({ ...every, ...options }) as unknown as z.ZodType<z.output<z.ZodObject<S>>>;
  return { ...probe, params };
}
