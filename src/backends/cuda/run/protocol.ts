/**
 * What the main thread and the thread that owns the GPU say to each other. Programs run by messages, so that the main
 * thread's event loop stays alive; variables pass through a window of shared memory, for which the caller waits.
 */
import { EnvironmentError } from "../../../lib/errors.ts";
import { received, type SentError } from "../../../lib/sent-error.ts";
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
  readonly window: SharedArrayBuffer;
  readonly board: SharedArrayBuffer;
}

export type Request =
  | { readonly kind: "compile"; readonly id: number; readonly program: number; readonly commandList: CommandList }
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

/** Part of a variable's values, in the window. `elements`: how many the whole variable has. */
export interface Access {
  readonly kind: "write" | "read";
  readonly variable: string;
  readonly elements: number;
  readonly from: number;
  readonly count: number;
}

export type Reply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: SentError };

/** How far it is with what lasts, in words. */
export interface Progress {
  readonly progress: string;
}

/** The first message: the GPU is ready, or why not. */
export type Ready = { readonly gpu: GpuInfo } | { readonly error: SentError };

/** Shared memory for variables' values: a state to wait for, then the data. */
export class Window {
  readonly #state: Int32Array;
  readonly data: Uint8Array;

  constructor(shared: SharedArrayBuffer) {
    this.#state = new Int32Array(shared, 0, 2);
    this.data = new Uint8Array(shared, HEAD_BYTES);
  }

  static share(): SharedArrayBuffer {
    return new SharedArrayBuffer(HEAD_BYTES + DATA_BYTES);
  }

  /** Values that fit. */
  get capacity(): number {
    return this.data.length / 4;
  }

  floats(count: number): Float32Array {
    return new Float32Array(this.data.buffer, HEAD_BYTES, count);
  }

  /** Before asking. */
  reset(): void {
    Atomics.store(this.#state, 0, PENDING);
  }

  /** Waits for the other thread's answer; throws what it says went wrong. */
  wait(): void {
    if (Atomics.wait(this.#state, 0, PENDING, PATIENCE_MS) === "timed-out")
      throw new EnvironmentError(
        `engine cuda: the GPU has not answered for ${PATIENCE_MS / 60_000} minutes; see \`nvidia-smi\``,
      );
    if (Atomics.load(this.#state, 0) !== FAILED) return;
    const text = new TextDecoder().decode(this.data.slice(0, this.#state[1]));
    throw received(JSON.parse(text));
  }

  answer(error?: SentError): void {
    if (error !== undefined) {
      const text = new TextEncoder().encode(JSON.stringify(error));
      this.data.set(text);
      this.#state[1] = text.length;
    }
    Atomics.store(this.#state, 0, error === undefined ? DONE : FAILED);
    Atomics.notify(this.#state, 0);
  }
}

const HEAD_BYTES = 64;
const DATA_BYTES = 8 * 2 ** 20;
const [PENDING, DONE, FAILED] = [0, 1, 2];
const PATIENCE_MS = 600_000;
