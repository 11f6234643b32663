/**
 * The variables of an opened engine, shared by name between its programs. One that is read by a session or updated in
 * place has a home in the arena; one that is only ever replaced (a gradient) just keeps the array it was given.
 */
import { type Shape, size } from "../../graph/graph.ts";
import type { Floats } from "../backend.ts";
import type { Allocation, Arena } from "./wasm/arena.ts";

interface Variable {
  readonly length: number;
  home?: Allocation;
  /** The value, where it is not at home. Never written to. */
  away?: Float32Array;
}

export class Variables {
  readonly #arena: Arena;
  readonly #byName = new Map<string, Variable>();

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /** Makes the variable known; it takes no memory until it is needed. */
  declare(name: string, shape: Shape): void {
    const length = size(shape);
    const known = this.#byName.get(name);
    if (known === undefined) this.#byName.set(name, { length });
    else if (known.length !== length)
      throw new Error(`variable ${name} has ${known.length} values, not ${length}`);
  }

  /** The current values, to be read before the next allocation. */
  values(name: string): Float32Array {
    const variable = this.#get(name);
    return variable.away ?? this.materialize(name);
  }

  /** The current values at home, where they may be written to. */
  materialize(name: string): Float32Array {
    const variable = this.#get(name);
    variable.home ??= this.#arena.allocate(variable.length);
    const { values } = variable.home;
    if (variable.away !== undefined) values.set(variable.away);
    delete variable.away;
    return values;
  }

  /** From now on the variable is this array, which no one may write to any more. */
  replace(name: string, values: Float32Array): void {
    this.#get(name).away = values;
  }

  write(name: string, values: Floats): void {
    const variable = this.#get(name);
    delete variable.away;
    this.materialize(name).set(values);
  }

  #get(name: string): Variable {
    const variable = this.#byName.get(name);
    if (variable === undefined) throw new Error(`no variable ${name}`);
    return variable;
  }
}
