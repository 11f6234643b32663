/** An opened engine: the variables as TensorFlow.js tensors, by name. */
import { type Shape, size } from "../../graph/graph.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Device, Floats, Program, Values } from "../backend.ts";
import { Constants } from "./constants.ts";
import { type Tf, type TfTensor, toTf } from "./lowering.ts";
import { explained } from "./memory.ts";
import { run } from "./program.ts";

export class TensorflowDevice implements Device {
  readonly #constants: Constants;
  readonly #variables = new Map<string, TfTensor>();

  constructor(tf: Tf) {
    this.#constants = new Constants(tf);
  }

  async compile(plan: Plan): Promise<Program> {
    for (const { name, tensor } of plan.graph.variables.values()) {
      if (!this.#variables.has(name)) this.#set(name, tensor.shape, new Float32Array(size(tensor.shape)));
    }
    return {
      run: async (feeds: Readonly<Record<string, Values>>) => {
        try {
          return await run(this.#constants, plan, feeds, this.#variables);
        } catch (cause) {
          throw explained(cause);
        }
      },
      close: async () => {},
    };
  }

  write(variable: string, shape: Shape, values: Floats): void {
    const known = this.#variables.get(variable);
    if (values.length !== size(shape) || (known !== undefined && known.shape.join() !== shape.join()))
      throw new Error(
        `${variable}: ${values.length} values for [${shape.join(",")}]${known === undefined ? "" : `; it is [${known.shape.join(",")}]`}`,
      );
    this.#set(variable, shape, values);
    known?.dispose();
  }

  read(variable: string): Float32Array {
    const tensor = this.#variables.get(variable);
    if (tensor === undefined) throw new Error(`no variable ${variable}`);
    return Float32Array.from(tensor.dataSync());
  }

  async close(): Promise<void> {
    for (const tensor of this.#variables.values()) tensor.dispose();
    this.#variables.clear();
    this.#constants.close();
  }

  #set(name: string, shape: Shape, values: Floats): void {
    try {
      this.#variables.set(name, toTf(this.#constants.tf, { shape, dtype: "f32" }, values));
    } catch (cause) {
      throw explained(cause);
    }
  }
}
