/** How an op is written down: the types that keep its name and attributes exact, and small shape helpers. */
import { type Emit, type Op, sameShape, show, type TensorType } from "../graph/graph.ts";

/** An op whose name is known to the compiler, so that kernel tables can be checked for completeness. */
export type NamedOp<N extends string, A> = Op<A> & { readonly name: N };
/** An op that engines may leave to its expansion. */
export type CompositeOp<N extends string, A> = NamedOp<N, A> & {
  readonly expand: NonNullable<Op<A>["expand"]>;
};

/** How model code applies an op: `rope(emit, x, theta)`. */
type Call = (emit: Emit, ...args: never[]) => unknown;

/** What makes of an op the function that applies it. */
interface Callable<O, F extends Call> {
  readonly call: (op: O) => F;
}

type Definition<O> = O & { readonly expand?: never; readonly call?: never };

/** `defineOp<Attrs>()({ name, infer, grad, flops, call })`: the two calls let TypeScript infer the name. */
export function defineOp<A = Record<never, never>>() {
  /** With `call`, the op is a function as well: `rope(emit, x, theta)` adds a node whose op is `rope`. */
  function define<const N extends string, F extends Call>(
    op: NamedOp<N, A> & { readonly expand?: never } & Callable<NamedOp<N, A>, F>,
  ): NamedOp<N, A> & F;
  /** Without it, gradient rules alone emit it. */
  function define<const N extends string>(op: Definition<NamedOp<N, A>>): NamedOp<N, A>;
  function define(op: NamedOp<string, A> & Partial<Callable<NamedOp<string, A>, Call>>) {
    return op.call === undefined ? op : callable(op as typeof op & Callable<NamedOp<string, A>, Call>);
  }
  return define;
}

export function defineComposite<A = Record<never, never>>() {
  function define<const N extends string, F extends Call>(
    op: CompositeOp<N, A> & Callable<CompositeOp<N, A>, F>,
  ): CompositeOp<N, A> & F;
  function define<const N extends string>(
    op: CompositeOp<N, A> & { readonly call?: never },
  ): CompositeOp<N, A>;
  function define(op: CompositeOp<string, A> & Partial<Callable<CompositeOp<string, A>, Call>>) {
    return op.call === undefined ? op : callable(op as typeof op & Callable<CompositeOp<string, A>, Call>);
  }
  return define;
}

/** The function that applies an op, with the op's own properties on it. */
function callable<O, F extends Call>({ call, ...op }: O & Callable<O, F>): O & F {
  const self = ((...args: [Emit, ...never[]]) => apply(...args)) as O & F;
  Object.defineProperties(self, Object.getOwnPropertyDescriptors(op));
  const apply = call(self);
  return self;
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
