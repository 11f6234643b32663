/** The contract between training and hardware. Training knows an engine only through this file. */
import type { Shape } from "../graph/graph.ts";
import type { DtypeBytes, Plan } from "../plan/plan.ts";

/** Host values: floats in the engine's own precision, or token ids. */
export type Floats = Float32Array | Float64Array;
export type Values = Floats | Int32Array;

export interface EngineOptions {
  /** CPU threads; default: the engine's choice. */
  readonly threads?: number | undefined;
  /** Called, in words, during preparations that last. */
  readonly onProgress?: (what: string) => void;
}

export type Availability =
  /** `better`: how to make it faster here, where there is a way. */
  | { readonly ok: true; readonly detail: string; readonly better?: string }
  | { readonly ok: false; readonly why: string; readonly fix: string };

/** What a plan takes, in bytes, where the engine lays out its memory before anything runs. */
export interface PlannedMemory {
  /** All that is not variables. */
  readonly activations: number;
  /** What the device has, where that is known or assumed. */
  readonly capacity?: number;
  /** What must stay free of that, for the driver and its libraries. */
  readonly reserve?: number;
  /** The device that is assumed where there is none to ask: `an H200`. */
  readonly assumed?: string;
}

/** A kind of machinery that can run plans. */
export interface Engine {
  /** One clause for `hnorm doctor` and errors. */
  readonly summary: string;
  /** For `hnorm doctor`: what its library is known to send from this machine, and what hnorm does about it. */
  readonly sends: string;
  /** Composite ops it has kernels of its own for; all others reach it expanded. */
  readonly nativeOps: ReadonlySet<string>;
  /** What it computes on, where that is not the CPU: then a run gets one device to itself. */
  readonly devices?: "gpu";
  /** How it stores each element type. */
  readonly bytes: DtypeBytes;
  /** Whether it rounds activations to bf16: its numbers then lie in other bounds than those of f32. */
  readonly bf16Activations?: true;
  /** Whether a variable of type bf16 is one to it: what it is set to is rounded to nearest, ties to even. */
  readonly bf16Variables?: true;
  /**
   * What a self-test here says something about: device and driver, once `available` has found them. Given by an engine
   * that `auto` takes only where it has passed its self-test (train/self-test.ts).
   */
  readonly selfTestDevice?: () => string;
  /** FLOP/s of its device at best, as its maker says, where `available` found one that is known. */
  readonly peakFlops?: () => number | undefined;
  /** Exact, and without a device; absent: the sizes of what is alive at once are a forecast good enough. */
  readonly memory?: (plan: Plan) => PlannedMemory;
  /** Whether it works on this machine; loads nothing it does not need to know. */
  available(): Promise<Availability>;
  open(options: EngineOptions): Promise<Device>;
}

/** An opened engine: holds the variables, which compiled programs share by name. */
export interface Device {
  /** In words, what it has chosen by measuring on this very machine, where that may change bits: kept with a run. */
  readonly chosen?: string;
  /** Prepares a plan. Variables not written yet start at zero. */
  compile(plan: Plan): Promise<Program>;
  /** Sets a variable; the length must be the shape's size. */
  write(variable: string, shape: Shape, values: Floats): void;
  /** A copy of a variable's values. */
  read(variable: string): Floats;
  /** Bytes of the device's own memory that are taken now; absent where that is the process's. */
  memory?(): Promise<number>;
  /** Releases everything. */
  close(): Promise<void>;
}

/** How long one application of an op took. */
export interface OpTime {
  readonly op: string;
  /** Where in the model it stands: `blocks.3.attn`, `grad.blocks.3.attn`. */
  readonly scope: string;
  /** What the engine counts it under, in words for a table. */
  readonly part: string;
  readonly ms: number;
}

export interface Program {
  /** Runs the plan once: feeds in, outputs out by name, assignments done. */
  run(feeds: Readonly<Record<string, Values>>): Promise<Readonly<Record<string, Floats>>>;
  /** Runs it once, op by op, and says how long each took; absent where the engine cannot tell. Slower than `run`. */
  profile?(feeds: Readonly<Record<string, Values>>): Promise<readonly OpTime[]>;
  close(): Promise<void>;
}
