/**
 * What lives on the GPU from run to run: variables, tables, and the arena, which all programs of a device use in turn.
 */
import { EnvironmentError } from "../../../lib/errors.ts";
import { bytes as bytesText } from "../../../lib/format.ts";
import { WORKSPACE_BYTES } from "../cublaslt/cublaslt-problem.ts";
import { type Allocation, type GpuSession, reserveOf } from "../driver/gpu.ts";
import { bytesOf, type Storage } from "../memory/storage.ts";
import { ARENA, baseOf, type CommandList, type Place, type StoredVariable } from "../plan/command-list.ts";

export class Store {
  readonly #session: GpuSession;
  readonly #bases = new Map<string, Allocation>();
  readonly #variables = new Map<string, StoredVariable>();
  #generation = 0;

  constructor(session: GpuSession) {
    this.#session = session;
  }

  /** Changes when the arena or a variable moves: addresses from before are no longer good. */
  get generation(): number {
    return this.#generation;
  }

  readonly locate = ({ base, offset }: Place): number => {
    const allocation = this.#bases.get(base);
    if (allocation === undefined) throw new Error(`there is no ${base} on the GPU`);
    return allocation.address + offset;
  };

  variable(name: string): StoredVariable {
    const variable = this.#variables.get(name);
    if (variable === undefined) throw new Error(`no variable ${name}`);
    return variable;
  }

  /** Makes a variable known, as zeros; one that is written before a program says more of it is f32. */
  declare(name: string, elements: number, storage?: Storage): void {
    const known = this.#variables.get(name) ?? { name, elements, storage: storage ?? "f32" };
    if (known.elements !== elements)
      throw new Error(`variable ${name} has ${known.elements} values, not ${elements}`);
    if (storage !== undefined && known.storage !== storage)
      throw new Error(`variable ${name} is ${known.storage}, not ${storage}`);
    this.#variables.set(name, known);
    this.#ensure(baseOf.variable(name), bytesOf(known.storage, elements));
  }

  /**
   * All that a program needs but the arena; throws, before anything is allocated, where the GPU has not that much.
   * `split` fills a variable's successor, for those that were written before anyone knew that they are to be split.
   */
  provide(commandList: CommandList, split: (variable: StoredVariable) => void): void {
    this.#requireRoom(commandList);
    for (const variable of commandList.variables) {
      const { name, elements, storage } = variable;
      const known = this.#variables.get(name)?.storage;
      if (storage === "split" && known === "f32") this.#succeed(variable, split);
      else this.declare(name, elements, storage);
    }
    for (const { name, values } of commandList.constants) {
      const base = baseOf.constant(name);
      if (!this.#ensure(base, values.byteLength)) continue;
      this.#session.upload(this.locate({ base, offset: 0 }), values);
    }
  }

  #succeed(variable: StoredVariable, fill: (variable: StoredVariable) => void): void {
    const { name, elements, storage } = variable;
    const [base, successor] = [baseOf.variable(name), baseOf.successor(name)];
    const [old, allocation] = [this.#bases.get(base)!, this.#session.allocate(bytesOf(storage, elements))];
    this.#bases.set(successor, allocation);
    fill(variable);
    this.#session.synchronize();
    this.#session.free(old);
    this.#bases.delete(successor);
    this.#bases.set(base, allocation);
    this.#variables.set(name, variable);
    this.#generation++;
  }

  /** True if it was not there before. */
  #ensure(base: string, bytes: number): boolean {
    if (this.#bases.has(base)) return false;
    this.#bases.set(base, this.#session.allocate(bytes));
    return true;
  }

  /** At least that much arena, from when all else is allocated: it may move. */
  growArena(bytes: number): void {
    const old = this.#bases.get(ARENA);
    if (old !== undefined && old.bytes >= bytes) return;
    this.#session.synchronize();
    if (old !== undefined) this.#session.free(old);
    this.#bases.set(ARENA, this.#session.allocate(bytes));
    this.#generation++;
  }

  #requireRoom(commandList: CommandList): void {
    const missing = (base: string, bytes: number) => (this.#bases.has(base) ? 0 : bytes);
    const sum = (numbers: readonly number[]) => numbers.reduce((total, n) => total + n, 0);
    const state = sum([
      ...commandList.variables.map((v) => missing(baseOf.variable(v.name), bytesOf(v.storage, v.elements))),
      ...commandList.constants.map((c) => missing(baseOf.constant(c.name), c.values.byteLength)),
    ]);
    const had = this.#bases.get(ARENA)?.bytes ?? 0;
    const arena = Math.max(0, commandList.arenaBytes - had);
    const { name, memoryBytes } = this.#session.info;
    // The context is there. Code and the products' workspace come with the first program.
    const later = this.#bases.has(ARENA) ? 0 : WORKSPACE_BYTES + reserveOf(memoryBytes) / 4;
    const free = Math.max(0, this.#session.freeBytes() - later);
    if (state + arena <= free) return;
    const part = Math.floor((100 * Math.max(0, free + had - state)) / commandList.arenaBytes);
    const would =
      part > 0 ? `about ${part} % of this micro-batch would fit` : "not even one sequence would fit";
    throw new EnvironmentError(
      `engine cuda: ${bytesText(state)} for weights, gradients and optimizer state and ${bytesText(commandList.arenaBytes)} for ` +
        `activations do not fit into the ${bytesText(free)} that ${name} has free; ${would}: ` +
        "use a smaller train.micro_batch_size, model.seq_len or model, train.recompute full, or train.optimizer_state " +
        "bf16-moments",
    );
  }
}
