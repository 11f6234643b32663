/** How an op is written down: the types that keep its name and attributes exact, and small shape helpers. */
import { type Op, sameShape, show, type TensorType } from "../graph/graph.ts";

/** An op whose name is known to the compiler, so that kernel tables can be checked for completeness. */
export type NamedOp<N extends string, A> = Op<A> & { readonly name: N };
/** An op that engines may leave to its expansion. */
export type CompositeOp<N extends string, A> = NamedOp<N, A> & {
  readonly expand: NonNullable<Op<A>["expand"]>;
};

/** `defineOp<Attrs>()({ name, infer, grad, flops })`: the two calls let TypeScript infer the name. */
export function defineOp<A = Record<never, never>>() {
  return <const N extends string>(op: NamedOp<N, A> & { readonly expand?: never }): NamedOp<N, A> => op;
}

export function defineComposite<A = Record<never, never>>() {
  return <const N extends string>(op: CompositeOp<N, A>): CompositeOp<N, A> => op;
}

/** Attributes of ops that have none. */
export const NONE = {} as const;

/** An f32 (or other float) tensor type of this shape, of the element type of `like`. */
export const typed = (like: TensorType, shape: readonly number[]): TensorType => ({
  shape,
  dtype: like.dtype,
});

/** All axes but the last. */
export const rowsOf = (t: TensorType): readonly number[] => t.shape.slice(0, -1);
/** The last axis. */
export const lastOf = (t: TensorType): number => t.shape.at(-1) ?? 1;

/** Throws, as a bug of the caller, unless the shapes are equal. */
export function expectSame(op: string, a: TensorType, b: TensorType): void {
  if (!sameShape(a.shape, b.shape)) throw new Error(`${op}: ${show(a)} and ${show(b)} differ in shape`);
}

/** Throws, as a bug of the caller, unless the condition holds. */
export function expectThat(op: string, condition: boolean, ...types: readonly TensorType[]): void {
  if (!condition) throw new Error(`${op}: cannot take ${types.map(show).join(", ")}`);
}
