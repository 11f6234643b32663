/** The ONNX part of a program: its nodes as one ONNX Runtime session, from host arrays to host arrays. */
import type { InferenceSession } from "onnxruntime-node";
import { type Node, show, type Tensor } from "../../graph/graph.ts";
import { EnvironmentError } from "../../lib/errors.ts";
import type { HostArray } from "./host/host-kernel.ts";
import { kernelOf } from "./kernels.ts";
import { OnnxGraph, type Value } from "./onnx/onnx-graph.ts";
import { nameOf } from "./partition.ts";

export type OnnxRuntime = typeof import("onnxruntime-node");

export interface Session {
  /** Feeds and variables it reads. */
  readonly inputs: readonly Tensor[];
  /** Fresh arrays for each of the wanted tensors. */
  run(lookUp: (t: Tensor) => HostArray): Promise<ReadonlyMap<Tensor, HostArray>>;
  close(): Promise<void>;
}

/** Weights are inputs, never constants: those ONNX Runtime would fold into its own copies. */
export async function openSession(
  ort: OnnxRuntime,
  options: InferenceSession.SessionOptions,
  nodes: readonly Node[],
  wanted: readonly Tensor[],
): Promise<Session> {
  const { inputs, values, model } = lower(nodes, wanted);
  const session = await create(ort, options, model);
  const nameOfValue = (t: Tensor): Value => values.get(t)!;
  return {
    inputs,
    async run(lookUp) {
      const feeds = Object.fromEntries(inputs.map((t) => [nameOfValue(t), toOrt(ort, t, lookUp(t))]));
      // All that the model gives: asked for by name, each of thousands of gradients would be looked up in a list.
      const results = await explained(() => session.run(feeds));
      return new Map(wanted.map((t) => [t, results[nameOfValue(t)]!.data as HostArray]));
    },
    close: () => session.release(),
  };
}

/** The nodes as an ONNX model. Inputs are the tensors that no node produces. */
function lower(nodes: readonly Node[], wanted: readonly Tensor[]) {
  const onnx = new OnnxGraph();
  const values = new Map<Tensor, Value>();
  const inputs = [...new Set(nodes.flatMap((n) => n.inputs))].filter((t) => t.producer === undefined);
  for (const t of inputs) values.set(t, onnx.input(`in${t.id}`, t.shape, t.dtype));
  for (const node of nodes) {
    onnx.within(node.scope === "" ? node.op.name : `${node.scope}/${node.op.name}`);
    try {
      const outputs = kernelOf(node.op.name).onnx!(
        onnx,
        node,
        node.inputs.map((t) => values.get(t)!),
      );
      for (const [i, t] of node.outputs.entries()) values.set(t, outputs[i]!);
    } catch (cause) {
      throw new Error(`cpu: cannot lower ${nameOf(node)} of ${node.inputs.map(show).join(", ")}`, { cause });
    }
  }
  for (const t of wanted) onnx.output(values.get(t)!, t.shape, t.dtype);
  return { inputs, values, model: onnx.encode() };
}

async function create(ort: OnnxRuntime, options: InferenceSession.SessionOptions, model: Uint8Array) {
  try {
    return await ort.InferenceSession.create(model, options);
  } catch (cause) {
    throw new Error(`cpu: ONNX Runtime refuses the graph: ${messageOf(cause)}`, { cause });
  }
}

/** Running out of memory is the one failure of a compiled graph that a user can mend. */
async function explained<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    if (!/allocat|bad_alloc/i.test(messageOf(cause))) throw cause;
    throw new EnvironmentError(
      `engine cpu is out of memory: use a smaller micro-batch or seq_len (${messageOf(cause)})`,
    );
  }
}

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

function toOrt(ort: OnnxRuntime, { shape, dtype }: Tensor, values: HostArray) {
  if (dtype === "i32") return new ort.Tensor("int32", values as Int32Array, shape);
  return new ort.Tensor(
    "float32",
    values instanceof Float32Array ? values : Float32Array.from(values),
    shape,
  );
}
