/**
 * An ONNX model under construction: nodes, constants, inputs and outputs, in the order they are added, and the bytes
 * of its ModelProto. Field numbers are those of onnx.proto3.
 */
import type { Dtype, Shape } from "../../../graph/graph.ts";
import { type Attributes, int } from "./attribute.ts";
import { field, intField, intsField, join, type Piece } from "./proto.ts";

/** The name of a value in the ONNX graph. */
export type Value = string;

interface OnnxNode {
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly bytes: Piece;
}

const OPSET = 21;
const IR_VERSION = 10;
const MICROSOFT = "com.microsoft";

const FLOAT = 1;
const INT32 = 6;
const INT64 = 7;
/** Names of element types; int64 is what ONNX counts and indexes with. */
const CAST = { f32: FLOAT, i32: INT32, int64: INT64 } as const;
const ELEMENT: Readonly<Record<Dtype, number>> = { f32: FLOAT, bf16: FLOAT, i32: INT32 };

export class OnnxGraph {
  readonly #nodes: OnnxNode[] = [];
  readonly #constants = new Map<string, { readonly name: Value; readonly bytes: Piece }>();
  readonly #inputs = new Map<Value, Piece>();
  readonly #outputs = new Map<Value, Piece>();
  readonly #prefix: string;
  readonly #made = new Map<string, unknown>();
  #scope = "";
  #next = 0;

  /** `prefix` keeps the names of a subgraph apart from those around it. */
  constructor(prefix = "") {
    this.#prefix = prefix;
  }

  /** Names of the nodes to come: `blocks.0.attn/rope/3`, so that errors and profiles can be read. */
  within(scope: string): void {
    this.#scope = scope;
  }

  input(name: Value, shape: Shape, dtype: Dtype): Value {
    const value = this.#prefix + name;
    this.#inputs.set(value, valueInfo(value, shape, dtype));
    return value;
  }

  output(name: Value, shape: Shape, dtype: Dtype): void {
    this.#outputs.set(name, valueInfo(name, shape, dtype));
  }

  /** One node with one output. */
  node(op: string, inputs: readonly Value[], attributes: Attributes = {}): Value {
    return this.nodes(op, 1, inputs, attributes)[0]!;
  }

  /**
   * One node with `outputs` outputs. An op of ONNX Runtime's own is written `com.microsoft:Op`. `captured`: values of
   * this graph that a subgraph among the attributes reads.
   */
  nodes(
    op: string,
    outputs: number,
    inputs: readonly Value[],
    attributes: Attributes = {},
    captured: readonly Value[] = [],
  ): readonly Value[] {
    const [type, domain = ""] = op.split(":").reverse();
    const id = this.#next++;
    const results = Array.from({ length: outputs }, (_, i) => `${this.#prefix}${id}.${i}`);
    const bytes = [
      ...inputs.map((name) => field(1, name)),
      ...results.map((name) => field(2, name)),
      field(3, `${this.#scope}/${id}`),
      field(4, type!),
      ...Object.entries(attributes).map(([name, encode]) => encode(name)),
      field(7, domain),
    ];
    this.#nodes.push({ inputs: [...inputs, ...captured], outputs: results, bytes });
    return results;
  }

  /** What `make` makes, once for each key: nodes that several lowerings share. */
  once<T>(key: string, make: () => T): T {
    if (!this.#made.has(key)) this.#made.set(key, make());
    return this.#made.get(key) as T;
  }

  /** What `once` made, if it did. */
  made<T>(key: string): T | undefined {
    return this.#made.get(key) as T | undefined;
  }

  /** Values known now. Asked for twice under one key, they are stored once. */
  floats(key: string, shape: Shape, values: () => Float32Array): Value {
    return this.#constant(`float ${key} [${shape.join(",")}]`, shape, FLOAT, () => rawBytes(values()));
  }

  scalar(value: number): Value {
    return this.floats(`${value}`, [], () => Float32Array.of(value));
  }

  /** A vector of int64: a shape or a list of axes. */
  vector(values: readonly number[]): Value {
    return this.#constant(`int64 ${values.join(",")}`, [values.length], INT64, () =>
      rawBytes(BigInt64Array.from(values, BigInt)),
    );
  }

  /** A graph to be run by a node of this one, such as the body of a Scan. */
  subgraph(): OnnxGraph {
    return new OnnxGraph(`${this.#prefix}${this.#next++}/`);
  }

  /** `x` with elements of another type. */
  cast(x: Value, to: keyof typeof CAST): Value {
    return this.node("Cast", [x], { to: int(CAST[to]) });
  }

  /** The model's bytes. */
  encode(): Uint8Array {
    return join([
      intField(1, IR_VERSION),
      field(2, "hnorm"),
      field(7, this.graphProto()),
      field(8, [field(1, ""), intField(2, OPSET)]),
      field(8, [field(1, MICROSOFT), intField(2, 1)]),
    ]);
  }

  /** The graph alone; nodes that lead to no output are left out. */
  graphProto(): Piece {
    return [
      ...this.#needed().map((node) => field(1, node.bytes)),
      field(2, "hnorm"),
      ...[...this.#constants.values()].map(({ bytes }) => field(5, bytes)),
      ...[...this.#inputs.values()].map((info) => field(11, info)),
      ...[...this.#outputs.values()].map((info) => field(12, info)),
    ];
  }

  #needed(): readonly OnnxNode[] {
    const wanted = new Set(this.#outputs.keys());
    const kept = this.#nodes.toReversed().filter((node) => {
      if (!node.outputs.some((name) => wanted.has(name))) return false;
      for (const name of node.inputs) wanted.add(name);
      return true;
    });
    return leavesLast(kept.reverse());
  }

  #constant(key: string, shape: Shape, type: number, values: () => Uint8Array): Value {
    const known = this.#constants.get(key);
    if (known !== undefined) return known.name;
    const name = `${this.#prefix}c${this.#constants.size}`;
    const bytes = [intsField(1, shape), intField(2, type), field(8, name), field(9, values())];
    this.#constants.set(key, { name, bytes });
    return name;
  }
}

/**
 * ONNX Runtime walks back from the nodes that no other reads, the last of them first, and runs what each needs. Those
 * are the gradients of weights: in the order they stand in the graph, all would come after the whole backward pass,
 * whose values would be kept for them. Turned round, each comes as soon as it can.
 */
function leavesLast(nodes: readonly OnnxNode[]): readonly OnnxNode[] {
  const read = new Set(nodes.flatMap((node) => node.inputs));
  const isRead = (node: OnnxNode) => node.outputs.some((name) => read.has(name));
  return [...nodes.filter(isRead), ...nodes.filter((node) => !isRead(node)).reverse()];
}

const rawBytes = (values: Float32Array | BigInt64Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

function valueInfo(name: Value, shape: Shape, dtype: Dtype): Piece {
  const dims = shape.map((s) => field(1, intField(1, s)));
  return [field(1, name), field(2, field(1, [intField(1, ELEMENT[dtype]), field(2, dims)]))];
}
