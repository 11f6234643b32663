/**
 * The intermediate representation: a static, typed, acyclic graph of ops, known whole before it runs.
 * Nothing here knows an op by name. A tensor with data-dependent rows (the tokens of one expert) is written
 * with its static upper bound as shape and its extents as one more i32 tensor beside it.
 */

/** Element type as the graph means it; how an engine stores it is the engine's business. */
export type Dtype = "f32" | "bf16" | "i32";

/** Sizes, slowest axis first; `[]` is a scalar. */
export type Shape = readonly number[];

export interface TensorType {
  readonly shape: Shape;
  readonly dtype: Dtype;
}

/** One value. `producer` is absent for feeds and variables, whose values come from outside. */
export interface Tensor extends TensorType {
  readonly id: number;
  readonly producer?: Node;
}

/** One application of an op. `scope` says where in the model it stands, e.g. `blocks.3.attn`. */
export interface Node<A = unknown> {
  readonly id: number;
  readonly op: Op<A>;
  readonly attrs: A;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly scope: string;
}

/** What a variable is for: the class its bytes are counted under. */
export type VariableKind = "weight" | "gradient" | "moment";

/** A value that lives on the device from one run to the next, shared by name between graphs. */
export interface Variable {
  readonly name: string;
  readonly kind: VariableKind;
  readonly tensor: Tensor;
}

/** After the run, `variable` holds `value`, or with `accumulate` itself plus `value`. */
export interface Assignment {
  readonly variable: string;
  readonly value: Tensor;
  readonly accumulate: boolean;
}

export interface Graph {
  /** In an order in which every node comes after its inputs. */
  readonly nodes: readonly Node[];
  /** Values given anew at every run, by name. */
  readonly feeds: ReadonlyMap<string, Tensor>;
  readonly variables: ReadonlyMap<string, Variable>;
  readonly assignments: readonly Assignment[];
  /** Values read back after every run, by name. */
  readonly outputs: ReadonlyMap<string, Tensor>;
}

/** What an op's gradient rule may use. `dy[i]` is absent where output i does not reach the loss. */
export interface GradInput<A> {
  readonly node: Node<A>;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly attrs: A;
  readonly dy: readonly (Tensor | undefined)[];
}

/** d loss / d input of each input; `undefined` where there is none (token ids, say). */
export type Gradients = readonly (Tensor | undefined)[];

/** One kind of operation: what it yields, what its derivative is, what it costs. One file each in `ops/`. */
export interface Op<A = unknown> {
  readonly name: string;
  /** Types of the outputs; throws where the inputs do not fit. */
  infer(inputs: readonly TensorType[], attrs: A): readonly TensorType[];
  /** The gradient of each input, as nodes. */
  grad?(emit: Emit, g: GradInput<A>): Gradients;
  /** Floating-point operations of one application. */
  flops(node: Node<A>): number;
  /** Takes little beside the products around it: the backward pass may do it again rather than keep what it gave. */
  readonly cheap?: true;
  /** Output i may take the memory of input `inPlace[i]`, whose value no one reads later. */
  readonly inPlace?: readonly (number | undefined)[];
  /** A composite's meaning in other ops, used where an engine has no kernel of its own for it. */
  expand?(emit: Emit, inputs: readonly Tensor[], attrs: A): readonly Tensor[];
}

/** Adds one application of `op` to the graph under construction and returns its outputs. */
export type Emit = <A>(op: Op<A>, inputs: readonly Tensor[], attrs: A) => readonly Tensor[];

/** Number of elements of a shape. */
export const size = (shape: Shape): number => shape.reduce((n, s) => n * s, 1);

/** `f32[2,3]`, for messages. */
export const show = (t: TensorType): string => `${t.dtype}[${t.shape.join(",")}]`;

export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((s, i) => s === b[i]);
