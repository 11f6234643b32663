/** Symbolic values: the arithmetic read as text, with names for what is used more than once. */
import type { Arithmetic } from "./verbs.ts";

/** How tightly an expression holds together where it stands in another: a sum least, a name or f(x) most. */
type Binding = "sum" | "product" | "atom";

/** A node of a symbolic expression; `print` writes it from its printed arguments. */
export interface Term {
  readonly args: readonly Term[];
  readonly print: (args: readonly string[]) => string;
  readonly binding: Binding;
}

export const leaf = (name: string): Term => ({ args: [], print: () => name, binding: "atom" });

/** x -> f(x). */
export const apply =
  (f: string) =>
  (x: Term): Term => ({ args: [x], print: ([p]) => `${f}(${p})`, binding: "atom" });

/** An infix or prefix form; arguments that hold less tightly than it does stand in parentheses. */
function form(binding: Binding, args: readonly Term[], print: (args: readonly string[]) => string): Term {
  return { args, print, binding };
}

/** A product, written by juxtaposition. */
export const times = (a: Term, b: Term): Term => form("product", [a, b], ([p, q]) => `${p} ${q}`);
export const over = (a: Term, b: Term): Term => form("product", [a, b], ([p, q]) => `${p} / ${q}`);
export const minus = (a: Term, b: Term): Term => form("sum", [a, b], ([p, q]) => `${p} - ${q}`);

const number = (value: number): string => `${Number(value.toFixed(4))}`;

export const symbolic: Arithmetic<Term> = {
  add: (a, b) => form("sum", [a, b], ([p, q]) => `${p} + ${q}`),
  mul: times,
  scale: (factor, x) => form("product", [x], ([p]) => `${number(factor)} ${p}`),
  constant: (value) => leaf(number(value)),
  sigmoid: apply("sigmoid"),
  tanh: apply("tanh"),
  softmax: (values) =>
    values.map((_, i) => form("atom", values, (texts) => `softmax_${i + 1}(${texts.join(", ")})`)),
};

/** The term in words; those in `names` are written by their names. */
export function text(term: Term, names: ReadonlyMap<Term, string> = new Map()): string {
  const known = names.get(term);
  if (known !== undefined) return known;
  const inside = (arg: Term): string => {
    const written = text(arg, names);
    const loose = term.binding === "product" && arg.binding === "sum" && !names.has(arg);
    return loose ? `(${written})` : written;
  };
  return term.print(term.args.map(inside));
}

/** Terms with several readers, arguments before their users; leaves need no name. */
export function sharedTerms(roots: readonly Term[]): readonly Term[] {
  const uses = new Map<Term, number>();
  const order: Term[] = [];
  const visit = (term: Term): void => {
    uses.set(term, (uses.get(term) ?? 0) + 1);
    if (uses.get(term)! > 1) return;
    for (const arg of term.args) visit(arg);
    order.push(term);
  };
  for (const root of roots) visit(root);
  return order.filter((term) => uses.get(term)! > 1 && term.args.length > 0);
}
