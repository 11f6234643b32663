/** Where views lie: in the arena for a span of nodes, or on a base of their own that outlives the program's runs. */

import { arrange } from "../memory/arrange.ts";
import type { Buffer, BufferView } from "../memory/buffer.ts";
import { bytesOf, type Storage } from "../memory/storage.ts";
import { ARENA, type Operand, type Resolve } from "./command-list.ts";

interface Life {
  readonly bytes: number;
  readonly from: number;
  to: number;
}

export class Layout {
  readonly #arena = new Map<Buffer, Life>();
  readonly #bases = new Map<Buffer, string>();

  /** Memory of the arena, in use from node `from` to node `to`. */
  within(storage: Storage, elements: number, from: number, to: number): BufferView {
    const view = fresh(storage, elements);
    this.#arena.set(view.buffer, { bytes: view.buffer.bytes, from, to: Math.max(from, to) });
    return view;
  }

  /** Memory that is not the arena's. */
  outside(base: string, storage: Storage, elements: number): BufferView {
    const view = fresh(storage, elements);
    this.#bases.set(view.buffer, base);
    return view;
  }

  /** Whether the view is the arena's. */
  holds({ buffer }: BufferView): boolean {
    return this.#arena.has(buffer);
  }

  /** Hands a view of the arena that dies at node `at` to someone who needs it until `to`; false if it lives on. */
  prolonged({ buffer }: BufferView, at: number, to: number): boolean {
    const life = this.#arena.get(buffer);
    if (life === undefined || life.to !== at) return false;
    life.to = Math.max(at, to);
    return true;
  }

  /** Lays out the arena: from here on no view may be added. */
  arranged(): { readonly total: number; readonly resolve: Resolve } {
    const { offsets, total } = arrange([...this.#arena.values()]);
    const starts = new Map([...this.#arena.keys()].map((buffer, i) => [buffer, offsets[i]!]));
    const resolve = ({ buffer, offset, storage }: BufferView): Operand => {
      const start = starts.get(buffer);
      return start === undefined
        ? { base: this.#bases.get(buffer)!, offset, storage }
        : { base: ARENA, offset: start + offset, storage };
    };
    return { total, resolve };
  }
}

const fresh = (storage: Storage, elements: number): BufferView => {
  return { buffer: { bytes: bytesOf(storage, elements) }, offset: 0, storage, elements };
};
