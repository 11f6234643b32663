/**
 * What the GPU's thread is at, in memory that both threads see: that thread waits inside the driver while the GPU works,
 * and cannot answer; if a kernel never ends, this still names it.
 */
const LENGTH = 1024;

export class ProgressBoard {
  readonly #length: Int32Array;
  readonly #text: Uint8Array;

  constructor(shared: SharedArrayBuffer) {
    this.#length = new Int32Array(shared, 0, 1);
    this.#text = new Uint8Array(shared, 4);
  }

  static share(): SharedArrayBuffer {
    return new SharedArrayBuffer(4 + LENGTH);
  }

  /** Empty: at nothing. */
  write(text: string): void {
    const encoded = Buffer.from(text).subarray(0, LENGTH);
    this.#text.set(encoded);
    Atomics.store(this.#length, 0, encoded.length);
  }

  read(): string {
    return Buffer.from(this.#text.slice(0, Atomics.load(this.#length, 0))).toString();
  }
}

/** Tells, every `quietMs` until the function it returns is called, if the board still reads as it did the last time. */
export function watch(board: ProgressBoard, quietMs: number, onProgress: (what: string) => void): () => void {
  const begun = performance.now();
  let before = "";
  const timer = setInterval(() => {
    const now = board.read();
    const seconds = Math.round((performance.now() - begun) / 1000);
    if (now !== "" && now === before) onProgress(`still waiting for the GPU after ${seconds} s, at ${now}`);
    before = now;
  }, quietMs);
  timer.unref();
  return () => clearInterval(timer);
}
