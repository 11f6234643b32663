/** The reference engine: walks the plan node by node in f64. Slow, and right by inspection. */
import { type Shape, size, type Tensor } from "../../graph/graph.ts";
import { F64_BYTES, type Plan } from "../../plan/plan.ts";
import type { Device, Engine, Floats, Program, Values } from "../backend.ts";
import type { Array64 } from "./kernel.ts";
import { kernelOf } from "./kernels.ts";

export const reference: Engine = {
  summary: "f64 loops in plain TypeScript: slow, the definition of every op",
  sends: "nothing: it uses no library",
  nativeOps: new Set(),
  bytes: F64_BYTES,
  bf16Variables: true,
  available: async () => ({ ok: true, detail: "always" }),
  open: async () => new ReferenceDevice(),
};

class ReferenceDevice implements Device {
  readonly #variables = new Map<string, Float64Array>();

  async compile(plan: Plan): Promise<Program> {
    for (const { name, tensor } of plan.graph.variables.values()) {
      if (!this.#variables.has(name)) this.#variables.set(name, new Float64Array(size(tensor.shape)));
    }
    return { run: async (feeds) => run(plan, feeds, this.#variables), close: async () => {} };
  }

  write(variable: string, shape: Shape, values: Floats): void {
    if (values.length !== size(shape))
      throw new Error(`${variable}: ${values.length} values for [${shape.join(",")}]`);
    this.#variables.set(variable, Float64Array.from(values));
  }

  read(variable: string): Float64Array {
    const values = this.#variables.get(variable);
    if (values === undefined) throw new Error(`no variable ${variable}`);
    return values.slice();
  }

  async close(): Promise<void> {
    this.#variables.clear();
  }
}

function run(
  { graph, dying }: Plan,
  feeds: Readonly<Record<string, Values>>,
  variables: Map<string, Float64Array>,
): Readonly<Record<string, Floats>> {
  const values = new Map<Tensor, Array64>();
  for (const [name, tensor] of graph.feeds) values.set(tensor, feedOf(feeds, name, tensor));
  for (const { name, tensor } of graph.variables.values()) values.set(tensor, variables.get(name)!);

  graph.nodes.forEach((node, i) => {
    const outputs = node.outputs.map(zeros);
    kernelOf(node.op.name)(
      node,
      node.inputs.map((t) => values.get(t)!),
      outputs,
    );
    for (const [o, t] of node.outputs.entries())
      values.set(t, t.dtype === "bf16" ? rounded(outputs[o]!) : outputs[o]!);
    for (const t of dying[i]!) values.delete(t);
  });

  const outputs = [...graph.outputs].map(([name, t]) => [name, Float64Array.from(values.get(t)!)] as const);
  for (const { variable, value, accumulate } of graph.assignments) {
    const result = values.get(value) as Float64Array;
    const old = variables.get(variable)!;
    variables.set(variable, accumulate ? old.map((x, i) => x + result[i]!) : result.slice());
  }
  return Object.fromEntries(outputs);
}

/** To bf16, the nearest, ties to even: eight bits of an f32's mantissa, the first of them implied. */
function rounded(values: Array64): Array64 {
  const f32 = Float32Array.from(values);
  const bits = new Uint32Array(f32.buffer);
  bits.forEach((x, i) => {
    if (!Number.isNaN(f32[i]!)) bits[i] = (x + 0x7fff + ((x >>> 16) & 1)) & 0xffff0000;
  });
  return Float64Array.from(f32);
}

const zeros = ({ shape, dtype }: Tensor): Array64 =>
  dtype === "i32" ? new Int32Array(size(shape)) : new Float64Array(size(shape));

function feedOf(feeds: Readonly<Record<string, Values>>, name: string, { shape, dtype }: Tensor): Array64 {
  const given = feeds[name];
  if (given?.length !== size(shape))
    throw new Error(`feed ${name} needs ${size(shape)} values, got ${given?.length}`);
  return dtype === "i32" ? Int32Array.from(given) : Float64Array.from(given);
}
