/** An opened cpu engine: the arena, the variables in it, and the programs compiled for it. */
import { availableParallelism } from "node:os";
import type { InferenceSession } from "onnxruntime-node";
import { type Shape, size } from "../../graph/graph.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Device, EngineOptions, Floats, Program } from "../backend.ts";
import { partition } from "./partition.ts";
import { CpuProgram, wantedOf } from "./program.ts";
import { type OnnxRuntime, openSession } from "./session.ts";
import { Variables } from "./variables.ts";
import { Arena } from "./wasm/arena.ts";

export class CpuDevice implements Device {
  readonly #ort: OnnxRuntime;
  readonly #options: InferenceSession.SessionOptions;
  readonly #arena = new Arena();
  readonly #variables = new Variables(this.#arena);
  readonly #programs = new Set<Program>();

  constructor(ort: OnnxRuntime, { threads }: EngineOptions) {
    this.#ort = ort;
    this.#options = sessionOptions(threads ?? availableParallelism());
  }

  async compile({ graph }: Plan): Promise<Program> {
    for (const { name, tensor } of graph.variables.values()) this.#variables.declare(name, tensor.shape);
    const parts = partition(graph);
    const session =
      parts.onnx.length === 0
        ? undefined
        : await openSession(this.#ort, this.#options, parts.onnx, wantedOf(graph, parts));
    const program = new CpuProgram(graph, parts, session, { arena: this.#arena, variables: this.#variables });
    this.#programs.add(program);
    return program;
  }

  write(variable: string, shape: Shape, values: Floats): void {
    if (values.length !== size(shape))
      throw new Error(`${variable}: ${values.length} values for [${shape.join(",")}]`);
    this.#variables.declare(variable, shape);
    this.#variables.write(variable, values);
  }

  read(variable: string): Float32Array {
    return this.#variables.values(variable).slice();
  }

  async close(): Promise<void> {
    for (const program of this.#programs) await program.close();
    this.#programs.clear();
  }
}

/**
 * The optimization level is fixed because it changes the order of sums, and so the bits of results. Equal nodes are not
 * merged: attention's backward pass computes its probabilities again on purpose. Without a memory pattern, values take
 * memory from the arena one by one as they are born, which measured a third less at the peak and no slower.
 */
function sessionOptions(threads: number): InferenceSession.SessionOptions {
  const ERROR = 3;
  return {
    executionProviders: ["cpu"],
    executionMode: "sequential",
    graphOptimizationLevel: "basic",
    enableMemPattern: false,
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: ERROR,
    extra: { optimization: { disable_specified_optimizers: "CommonSubexpressionElimination" } },
  };
}
