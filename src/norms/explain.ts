/**
 * A strategy in words, read off its own definition: its `block` is run on symbols instead of tensors, so the printed
 * equation cannot differ from what is trained.
 */
import { type NormSelection, norms, selectNorm } from "./index.ts";
import type { InnerNorms, NormStrategy, Parts } from "./strategy.ts";

/** A node of a symbolic expression; `print` writes it from its arguments. */
interface Term {
  readonly args: readonly Term[];
  readonly print: (args: readonly string[]) => string;
  readonly isSum?: boolean;
}

/** Consecutive blocks with the same equation. */
export interface LayerGroup {
  readonly first: number;
  readonly last: number;
  readonly glyph: string;
  /** One line per intermediate value, the last one being X'. */
  readonly equation: readonly string[];
}

export interface Explanation {
  readonly groups: readonly LayerGroup[];
  /** One letter per block, groups split by `|`: `PPP|rrrrrrrrr`. */
  readonly map: string;
  /** What happens to the embedding and before the head. */
  readonly embed: string;
  readonly final: string;
}

export function explain(selection: NormSelection, layers: number): Explanation {
  const { strategy, params } = selectNorm(selection);
  const groups: LayerGroup[] = [];
  for (let layer = 0; layer < layers; layer++) {
    const equation = blockEquation(strategy, params, layer, layers);
    const before = groups.at(-1);
    if (before !== undefined && before.equation.join() === equation.join()) {
      groups[groups.length - 1] = { ...before, last: layer };
    } else {
      const glyph = glyphOf(equation, layer, layers) ?? strategy.glyph;
      groups.push({ first: layer, last: layer, glyph, equation });
    }
  }
  const rows: Term = leaf("E[tokens]");
  const x: Term = leaf("X");
  const ends = { norm: (site: string) => apply(`N_${site}`) };
  return {
    groups,
    map: mapOf(groups),
    embed: `X = ${text(strategy.embed?.(ends, rows) ?? rows)}`,
    final: `logits = W_head ${text(strategy.final?.(ends, x) ?? ends.norm("final")(x))}`,
  };
}

/** The equation of block `layer`, with values that are used twice given names of their own. */
function blockEquation(
  strategy: NormStrategy,
  params: unknown,
  layer: number,
  layers: number,
): readonly string[] {
  const result = strategy.block(symbols(layer, layers), leaf("X"), params);
  const names = new Map<Term, string>();
  const lines: string[] = [];
  for (const term of sharedTerms(result)) {
    const line = text(term, names);
    names.set(term, "YZUVW"[names.size] ?? `T${names.size}`);
    lines.push(`${names.get(term)} = ${line}`);
  }
  return [...lines, `X' = ${text(result, names)}`];
}

/** The verbs of a block, on symbols: A attention, F feed-forward, N a learned norm. */
function symbols(layer: number, layers: number): Parts<Term> {
  return {
    layer,
    layers,
    attn: (x, inner = {}) => apply(`A${innerSuffix(inner)}`)(x),
    ffn: apply("F"),
    norm: (site) => apply(`N_${site}`),
    add: (a, b) => ({ args: [a, b], print: ([p, q]) => `${p} + ${q}`, isSum: true }),
    scale: (factor, x) => ({
      args: [x],
      print: ([p]) => `${Number(factor.toFixed(4))} ${x.isSum ? `(${p})` : p}`,
    }),
  };
}

const leaf = (name: string): Term => ({ args: [], print: () => name });
const apply =
  (f: string) =>
  (x: Term): Term => ({ args: [x], print: ([p]) => `${f}(${p})` });

function innerSuffix({ width, ...slots }: InnerNorms<Term>): string {
  const letters = Object.keys(slots).join("");
  return letters === "" ? "" : `_${letters}${width === "full" ? "(full)" : ""}`;
}

const text = (term: Term, names: ReadonlyMap<Term, string> = new Map()): string =>
  names.get(term) ?? term.print(term.args.map((arg) => text(arg, names)));

/** Terms with several readers, arguments before their users; leaves need no name. */
function sharedTerms(root: Term): readonly Term[] {
  const uses = new Map<Term, number>();
  const order: Term[] = [];
  const visit = (term: Term): void => {
    uses.set(term, (uses.get(term) ?? 0) + 1);
    if (uses.get(term)! > 1) return;
    for (const arg of term.args) visit(arg);
    order.push(term);
  };
  visit(root);
  return order.filter((term) => uses.get(term)! > 1 && term.args.length > 0);
}

/** The letter of the plain strategy that has this equation in every block, if there is one. */
function glyphOf(equation: readonly string[], layer: number, layers: number): string | undefined {
  const plain = Object.values<NormStrategy>(norms).flatMap((s) => {
    const own = s.params.safeParse({});
    return own.success ? [{ s, params: own.data }] : [];
  });
  const same = ({ s, params }: (typeof plain)[number]) =>
    [layer, layers - 1].every((l) => blockEquation(s, params, l, layers).join() === equation.join());
  return plain.find(same)?.s.glyph;
}

const mapOf = (groups: readonly LayerGroup[]): string =>
  groups.reduce((map, { glyph, first, last }) => {
    const block = glyph.repeat(last - first + 1);
    return map === "" || map.endsWith(glyph) ? map + block : `${map}|${block}`;
  }, "");
