/**
 * Shared memory through which variables' values pass from thread to thread, a part at a time: a state to wait for, then
 * the data. The one that asks waits; the other answers, or says what went wrong.
 */
import { EnvironmentError } from "../../../lib/errors.ts";
import { deserializeError, type SerializedError } from "../../../lib/serialized-error.ts";

const HEAD_BYTES = 64;
const DATA_BYTES = 8 * 2 ** 20;
const [PENDING, DONE, FAILED] = [0, 1, 2];
const TIMEOUT_MS = 600_000;

export class StagingBuffer {
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
    if (Atomics.wait(this.#state, 0, PENDING, TIMEOUT_MS) === "timed-out")
      throw new EnvironmentError(
        `engine cuda: the GPU has not answered for ${TIMEOUT_MS / 60_000} minutes; see \`nvidia-smi\``,
      );
    if (Atomics.load(this.#state, 0) !== FAILED) return;
    const text = new TextDecoder().decode(this.data.slice(0, this.#state[1]));
    throw deserializeError(JSON.parse(text));
  }

  answer(error?: SerializedError): void {
    if (error !== undefined) {
      const text = new TextEncoder().encode(JSON.stringify(error));
      this.data.set(text);
      this.#state[1] = text.length;
    }
    Atomics.store(this.#state, 0, error === undefined ? DONE : FAILED);
    Atomics.notify(this.#state, 0);
  }
}
