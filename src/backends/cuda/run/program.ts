/**
 * A command list on the GPU: its commands captured once into a CUDA graph, with the copies of feeds and outputs, which
 * every run after the first launches whole.
 */
import type { OpTime, Values } from "../../backend.ts";
import { CUDA } from "../driver/constants.ts";
import { during } from "../driver/failures.ts";
import { receive } from "../driver/ffi.ts";
import type { GpuSession } from "../driver/gpu.ts";
import { partOf } from "../lower/parts.ts";
import type { Command, CommandList } from "../plan/command-list.ts";
import type { Launcher } from "./launcher.ts";
import type { ProgressBoard } from "./progress-board.ts";
import { SPLIT, splitting } from "./splitting.ts";
import type { Store } from "./store.ts";
import { Transfers } from "./transfers.ts";

export interface Machine {
  readonly session: GpuSession;
  readonly launcher: Launcher;
  readonly store: Store;
  readonly board: ProgressBoard;
}

export class GpuProgram {
  readonly #machine: Machine;
  readonly #commandList: CommandList;
  readonly #transfers: Transfers;
  /**
   * The first run goes without a graph: libraries and driver load a kernel when it is first launched, which they may
   * not do while a graph is captured. It also tells which command fails.
   */
  #loaded = false;
  #graph: { readonly executable: number; readonly generation: number } | undefined;

  constructor(machine: Machine, commandList: CommandList) {
    this.#machine = machine;
    this.#commandList = commandList;
    const { store } = machine;
    machine.board.write("timing algorithms of matmuls");
    store.provide(commandList, (variable) => {
      const command = splitting(variable);
      machine.launcher.prepare({ kernels: [SPLIT], commands: [command] });
      machine.launcher.issue(command, [SPLIT], store.locate);
    });
    machine.launcher.prepare(commandList);
    store.growArena(commandList.arenaBytes); // after the matmuls were timed, which needs memory for a moment
    this.#transfers = new Transfers(machine.session, store.locate, commandList);
  }

  run(feeds: Readonly<Record<string, Values>>): Readonly<Record<string, Float32Array>> {
    const { session, board } = this.#machine;
    this.#transfers.put(feeds);
    if (this.#loaded) {
      board.write(`a program's graph of ${this.#commandList.commands.length} commands`);
      session.driver.cuGraphLaunch(this.#captured(), session.stream);
    } else this.#issueOneByOne();
    session.synchronize();
    this.#loaded = true;
    return this.#transfers.get();
  }

  /** The same work without the graph, with an event after what each op issues: the time between two is the op's. */
  profile(feeds: Readonly<Record<string, Values>>): readonly OpTime[] {
    const { session } = this.#machine;
    const { driver, stream } = session;
    const { origins, commands } = this.#commandList;
    this.#transfers.put(feeds);
    this.#transfers.copyIn();
    const events = [...origins, undefined].map(() => receive((out) => driver.cuEventCreate(out, 0)));
    try {
      driver.cuEventRecord(events[0]!, stream);
      origins.forEach(({ end }, i) => {
        this.#issue(commands.slice(origins[i - 1]?.end ?? 0, end));
        driver.cuEventRecord(events[i + 1]!, stream);
      });
      this.#issue(commands.slice(origins.at(-1)?.end ?? 0));
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

  close(): void {
    this.#forget();
    this.#transfers.close();
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
    this.#transfers.copyIn();
    this.#issue(this.#commandList.commands);
    this.#transfers.copyOut();
  }

  /** Waits after every command, so that one which fails is named: later ones of a graph are not to be told apart. */
  #issueOneByOne(): void {
    this.#transfers.copyIn();
    this.#commandList.commands.forEach((command, i) => {
      const text = this.#text(command, i);
      this.#machine.board.write(text);
      try {
        this.#issue([command]);
        this.#machine.session.synchronize();
      } catch (cause) {
        throw during(cause, text);
      }
    });
    this.#transfers.copyOut();
  }

  #text(command: Command, i: number): string {
    const { commands, origins } = this.#commandList;
    const from = origins.find(({ end }) => i < end);
    return `command ${i} of ${commands.length}, ${this.#work(command)}, for ${from?.op} of ${from?.scope}`;
  }

  #work(command: Command): string {
    if (command.kind !== "launch") return command.kind;
    const { file, kernel, define } = this.#commandList.kernels[command.kernel]!;
    const { grid, block, sharedBytes } = command;
    return `${kernel} of ${file} ${JSON.stringify({ define, grid, block, sharedBytes })}`;
  }

  #issue(commands: readonly Command[]): void {
    const { launcher, store } = this.#machine;
    for (const command of commands) launcher.issue(command, this.#commandList.kernels, store.locate);
  }

  #forget(): void {
    if (this.#graph !== undefined)
      this.#machine.session.driver.raw.cuGraphExecDestroy(this.#graph.executable);
    this.#graph = undefined;
  }
}
