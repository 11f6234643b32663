/** How feeds come in and outputs go out: through pinned host memory, by copies that a CUDA graph can hold. */
import type { Values } from "../../backend.ts";
import type { GpuSession, Pinned } from "../driver/gpu.ts";
import { aligned } from "../memory/arrange.ts";
import { decodeBf16 } from "../memory/bf16.ts";
import { STORAGE_BYTES } from "../memory/storage.ts";
import type { CommandList, Transfer } from "../plan/command-list.ts";
import type { Store } from "./store.ts";

/** A transfer with its bytes within the pinned memory. */
interface Slot extends Transfer {
  readonly at: number;
  readonly bytes: number;
}

export class Transfers {
  readonly #session: GpuSession;
  readonly #locate: Store["locate"];
  readonly #feeds: readonly Slot[];
  readonly #outputs: readonly Slot[];
  readonly #pinned: Pinned;

  constructor(session: GpuSession, locate: Store["locate"], { feeds, outputs }: CommandList) {
    this.#session = session;
    this.#locate = locate;
    const slots = slotsOf([...feeds, ...outputs]);
    this.#feeds = slots.slice(0, feeds.length);
    this.#outputs = slots.slice(feeds.length);
    this.#pinned = session.pin(slots.reduce((end, { at, bytes }) => Math.max(end, at + bytes), 0));
  }

  /** Where the next copies take the feeds' values from. */
  put(feeds: Readonly<Record<string, Values>>): void {
    for (const { name, place, elements, at } of this.#feeds) {
      const values = feeds[name];
      if (values?.length !== elements)
        throw new Error(`feed ${name} needs ${elements} values, got ${values?.length}`);
      const View = place.storage === "i32" ? Int32Array : Float32Array;
      new View(this.#pinned.bytes, at, elements).set(values);
    }
  }

  /** What the last copies brought; floats, like everything that leaves. */
  get(): Readonly<Record<string, Float32Array>> {
    const { bytes } = this.#pinned;
    const read = ({ place, elements, at }: Slot): Float32Array => {
      if (place.storage === "bf16") return decodeBf16(new Uint16Array(bytes, at, elements));
      const View = place.storage === "i32" ? Int32Array : Float32Array;
      return Float32Array.from(new View(bytes, at, elements));
    };
    return Object.fromEntries(this.#outputs.map((slot) => [slot.name, read(slot)]));
  }

  copyIn(): void {
    const { driver, stream } = this.#session;
    for (const { place, at, bytes } of this.#feeds)
      driver.cuMemcpyHtoDAsync_v2(this.#locate(place), this.#pinned.address + at, bytes, stream);
  }

  copyOut(): void {
    const { driver, stream } = this.#session;
    for (const { place, at, bytes } of this.#outputs)
      driver.cuMemcpyDtoHAsync_v2(this.#pinned.address + at, this.#locate(place), bytes, stream);
  }

  close(): void {
    this.#pinned.free();
  }
}

function slotsOf(transfers: readonly Transfer[]): readonly Slot[] {
  let at = 0;
  return transfers.map((transfer) => {
    const bytes = transfer.elements * STORAGE_BYTES[transfer.place.storage];
    const slot = { ...transfer, at, bytes };
    at += aligned(bytes);
    return slot;
  });
}
