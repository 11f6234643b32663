/**
 * A script on the GPU: its steps captured once into a CUDA graph, which every run after the first launches whole. Feeds
 * and outputs pass through pinned host memory, copied by the graph itself.
 */
import type { OpTime, Values } from "../backend.ts";
import { decodeBf16 } from "./bf16.ts";
import { CUDA } from "./constants.ts";
import { during } from "./failures.ts";
import { receive } from "./ffi.ts";
import type { GpuSession, Pinned } from "./gpu.ts";
import type { Launcher } from "./launcher.ts";
import { C_TYPE, remaindersAt, STORAGE_BYTES } from "./lowering.ts";
import { aligned } from "./memory.ts";
import { partOf } from "./parts.ts";
import {
  baseOf,
  type KernelSpec,
  type Script,
  type Step,
  type StoredVariable,
  type Transfer,
} from "./script.ts";
import type { Store } from "./store.ts";

export interface Machine {
  readonly session: GpuSession;
  readonly launcher: Launcher;
  readonly store: Store;
}

/** A transfer with its bytes within the pinned memory. */
interface Slot extends Transfer {
  readonly at: number;
  readonly bytes: number;
}

export class GpuProgram {
  readonly #machine: Machine;
  readonly #script: Script;
  readonly #feeds: readonly Slot[];
  readonly #outputs: readonly Slot[];
  readonly #pinned: Pinned;
  /**
   * The first run goes without a graph: libraries and driver load a kernel when it is first launched, which they may
   * not do while a graph is captured. It also tells which step fails.
   */
  #loaded = false;
  #graph: { readonly executable: number; readonly generation: number } | undefined;

  constructor(machine: Machine, script: Script) {
    this.#machine = machine;
    this.#script = script;
    const { store } = machine;
    store.provide(script, (variable) => {
      const step = splitting(variable);
      machine.launcher.prepare({ kernels: [SPLIT], steps: [step] });
      machine.launcher.issue(step, [SPLIT], store.locate);
    });
    machine.launcher.prepare(script);
    store.growArena(script.arenaBytes); // after the trials of products, which need memory for a moment
    const slots = slotsOf([...script.feeds, ...script.outputs]);
    this.#feeds = slots.slice(0, script.feeds.length);
    this.#outputs = slots.slice(script.feeds.length);
    this.#pinned = machine.session.pin(slots.reduce((end, { at, bytes }) => Math.max(end, at + bytes), 0));
  }

  run(feeds: Readonly<Record<string, Values>>): Readonly<Record<string, Float32Array>> {
    const { session } = this.#machine;
    this.#prepare(feeds);
    if (this.#loaded) session.driver.cuGraphLaunch(this.#captured(), session.stream);
    else this.#issueOneByOne();
    session.synchronize();
    this.#loaded = true;
    return Object.fromEntries(this.#outputs.map((slot) => [slot.name, this.#get(slot)]));
  }

  /** The same work without the graph, with an event after what each op issues: the time between two is the op's. */
  profile(feeds: Readonly<Record<string, Values>>): readonly OpTime[] {
    const { session } = this.#machine;
    const { driver, stream } = session;
    const { origins, steps } = this.#script;
    this.#prepare(feeds);
    this.#copyIn();
    const events = [...origins, undefined].map(() => receive((out) => driver.cuEventCreate(out, 0)));
    try {
      driver.cuEventRecord(events[0]!, stream);
      origins.forEach(({ end }, i) => {
        this.#issue(steps.slice(origins[i - 1]?.end ?? 0, end));
        driver.cuEventRecord(events[i + 1]!, stream);
      });
      this.#issue(steps.slice(origins.at(-1)?.end ?? 0));
      session.synchronize();
      const ms = new Float32Array(1);
      return origins.map(({ op, scope }, i) => {
        driver.cuEventElapsedTime(ms, events[i]!, events[i + 1]!);
        return { op, scope, part: partOf(op), ms: ms[0]! };
      });
    } finally {
      for (const event of events) driver.raw.cuEventDestroy_v2(event);
    }
  }

  #prepare(feeds: Readonly<Record<string, Values>>): void {
    for (const slot of this.#feeds) this.#put(slot, feeds[slot.name]!);
  }

  close(): void {
    this.#forget();
    this.#pinned.free();
  }

  /** The graph with the addresses of now: made at the first run, and again if memory has moved. */
  #captured(): number {
    const { session, store } = this.#machine;
    const { driver, stream } = session;
    if (this.#graph?.generation === store.generation) return this.#graph.executable;
    this.#forget();
    session.synchronize();
    driver.cuStreamBeginCapture_v2(stream, CUDA.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
    try {
      this.#issueAll();
    } catch (cause) {
      driver.raw.cuStreamEndCapture(stream, new BigUint64Array(1));
      throw cause;
    }
    const graph = receive((out) => driver.cuStreamEndCapture(stream, out));
    const executable = receive((out) => driver.cuGraphInstantiateWithFlags(out, graph, 0));
    driver.cuGraphDestroy(graph);
    this.#graph = { executable, generation: store.generation };
    return executable;
  }

  #issueAll(): void {
    this.#copyIn();
    this.#issue(this.#script.steps);
    this.#copyOut();
  }

  /** Waits after every step, so that one which fails is named: later ones of a graph are not to be told apart. */
  #issueOneByOne(): void {
    const { steps, origins } = this.#script;
    this.#copyIn();
    steps.forEach((step, i) => {
      try {
        this.#issue([step]);
        this.#machine.session.synchronize();
      } catch (cause) {
        const from = origins.find(({ end }) => i < end);
        throw during(
          cause,
          `step ${i} of ${steps.length}, ${this.#text(step)}, for ${from?.op} of ${from?.scope}`,
        );
      }
    });
    this.#copyOut();
  }

  #text(step: Step): string {
    if (step.kind !== "launch") return step.kind;
    const { file, kernel, define } = this.#script.kernels[step.kernel]!;
    const { grid, block, sharedBytes } = step;
    return `${kernel} of ${file} ${JSON.stringify({ define, grid, block, sharedBytes })}`;
  }

  #copyOut(): void {
    const { session, store } = this.#machine;
    const { address } = this.#pinned;
    for (const { place, at, bytes } of this.#outputs)
      session.driver.cuMemcpyDtoHAsync_v2(address + at, store.locate(place), bytes, session.stream);
  }

  #copyIn(): void {
    const { session, store } = this.#machine;
    for (const { place, at, bytes } of this.#feeds)
      session.driver.cuMemcpyHtoDAsync_v2(
        store.locate(place),
        this.#pinned.address + at,
        bytes,
        session.stream,
      );
  }

  #issue(steps: readonly Step[]): void {
    const { launcher, store } = this.#machine;
    for (const step of steps) launcher.issue(step, this.#script.kernels, store.locate);
  }

  #forget(): void {
    if (this.#graph !== undefined)
      this.#machine.session.driver.raw.cuGraphExecDestroy(this.#graph.executable);
    this.#graph = undefined;
  }

  #put({ name, place, elements, at }: Slot, values: Values): void {
    if (values?.length !== elements)
      throw new Error(`feed ${name} needs ${elements} values, got ${values?.length}`);
    const View = place.storage === "i32" ? Int32Array : Float32Array;
    new View(this.#pinned.bytes, at, elements).set(values);
  }

  #get({ place, elements, at }: Slot): Float32Array {
    const { bytes } = this.#pinned;
    if (place.storage === "bf16") return decodeBf16(new Uint16Array(bytes, at, elements));
    const View = place.storage === "i32" ? Int32Array : Float32Array;
    return Float32Array.from(new View(bytes, at, elements));
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

const SPLIT: KernelSpec = {
  file: "convert.cu",
  kernel: "convert",
  define: { FROM: C_TYPE.f32, TO: C_TYPE.split },
};

/** A variable that is f32, split into its successor. */
function splitting({ name, elements }: StoredVariable): Step {
  const to = { base: baseOf.successor(name), offset: 0 };
  return {
    kind: "launch",
    kernel: 0,
    grid: [Math.min(Math.ceil(elements / 256), 4096), 1, 1],
    block: [256, 1, 1],
    sharedBytes: 0,
    args: [
      { base: baseOf.variable(name), offset: 0 },
      null,
      to,
      { ...to, offset: remaindersAt(elements) },
      { i32: elements },
    ],
  };
}
