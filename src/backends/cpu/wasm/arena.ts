/**
 * The memory of variables: WebAssembly memories ("shards"), so that the vector kernels update in place the very bytes
 * that ONNX Runtime reads. A shard grows as needed up to 2 GiB; growing moves its buffer, so views are made anew.
 */
import { EnvironmentError } from "../../../lib/errors.ts";
import { instantiate, type Kernels } from "./kernels.ts";

const PAGE = 65_536;
const SHARD_BYTES = 2 ** 31;
/** Floats that pass through scratch at a time: four arrays of them fit a core's cache. */
const BLOCK = 16_384;
const SCRATCH_BYTES = 4 * BLOCK * 4;

/** Zeroed floats at a fixed place. */
export interface Allocation {
  readonly values: Float32Array;
}

interface Shard {
  readonly memory: WebAssembly.Memory;
  readonly kernels: Kernels;
  used: number;
}

/** What a loop gets for each block: where its arrays are, and how many floats (a multiple of 4). */
type BlockLoop = (kernels: Kernels, pointers: readonly number[], n: number) => void;

export class Arena {
  readonly #shards: Shard[] = [];

  /** `length` zeros, padded with zeros to a whole vector. */
  allocate(length: number): Allocation {
    const bytes = vectors(length) * 4;
    if (bytes > SHARD_BYTES - SCRATCH_BYTES)
      throw new EnvironmentError(`engine cpu holds no tensor of ${bytes} bytes`);
    const last = this.#shards.at(-1);
    const shard = last !== undefined && last.used + bytes <= SHARD_BYTES ? last : this.#addShard();
    const offset = shard.used;
    grow(shard.memory, offset + bytes);
    shard.used += bytes;
    return {
      get values() {
        return new Float32Array(shard.memory.buffer, offset, length);
      },
    };
  }

  /**
   * Runs `loop` over equally long arrays, `updated` first, then `read`, block by block. Arrays that do not lie in the
   * shard it runs in pass through its scratch.
   */
  forEachBlock(updated: readonly Float32Array[], read: readonly Float32Array[], loop: BlockLoop): void {
    const arrays = [...updated, ...read];
    const shard =
      this.#shards.find((s) => arrays.some((a) => a.buffer === s.memory.buffer)) ?? this.#anyShard();
    const { buffer } = shard.memory;
    const { length } = arrays[0]!;
    for (let at = 0; at < length; at += BLOCK) {
      const end = Math.min(at + BLOCK, length);
      const scratch = (i: number) => new Float32Array(buffer, i * BLOCK * 4, vectors(end - at));
      const pointers = arrays.map((array, i) => {
        if (array.buffer === buffer) return array.byteOffset + at * 4;
        const copy = scratch(i);
        copy.set(array.subarray(at, end));
        copy.fill(0, end - at);
        return copy.byteOffset;
      });
      loop(shard.kernels, pointers, vectors(end - at));
      updated.forEach((array, i) => {
        if (array.buffer !== buffer) array.set(scratch(i).subarray(0, end - at), at);
      });
    }
  }

  #anyShard(): Shard {
    return this.#shards[0] ?? this.#addShard();
  }

  #addShard(): Shard {
    const memory = new WebAssembly.Memory({ initial: SCRATCH_BYTES / PAGE, maximum: SHARD_BYTES / PAGE });
    const shard = { memory, kernels: instantiate(memory), used: SCRATCH_BYTES };
    this.#shards.push(shard);
    return shard;
  }
}

/** Rounded up to a whole vector of four. */
const vectors = (length: number): number => Math.ceil(length / 4) * 4;

function grow(memory: WebAssembly.Memory, bytes: number): void {
  const missing = Math.ceil((bytes - memory.buffer.byteLength) / PAGE);
  if (missing <= 0) return;
  try {
    memory.grow(missing);
  } catch {
    throw new EnvironmentError(
      `engine cpu could not get ${Math.ceil(bytes / 2 ** 20)} MiB for weights and optimizer state; use a smaller model`,
    );
  }
}
