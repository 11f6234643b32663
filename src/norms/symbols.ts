/** The verbs of strategies, read as symbols: A attention, F feed-forward, N a norm. */

import { apply, leaf, symbolic, type Term, text } from "../equations/term.ts";
import type { Learned } from "../equations/verbs.ts";
import type { Apply, Ends, InnerFfnNorms, InnerNorms, Learning, NormOptions, Parts } from "./strategy.ts";

/** `declared` hears of every learned vector and number. */
export const blockSymbols = (
  layer: number,
  layers: number,
  declared: (about: Learned) => void = () => {},
): Parts<Term> => ({
  ...symbolic,
  ...learning(declared),
  layer,
  layers,
  attn: (x, { width, ...slots }: InnerNorms<Term> = {}) =>
    apply(`A${inside(slots, width === "full" ? "(full)" : "")}`)(x),
  ffn: (x, slots: InnerFfnNorms<Term> = {}) => apply(`F${inside(slots)}`)(x),
  norm: (site, options) => apply(normName(site, options)),
});

export const endSymbols = (layers: number, declared: (about: Learned) => void = () => {}): Ends<Term> => ({
  ...symbolic,
  ...learning(declared),
  layers,
  norm: (site: string, options?: NormOptions) => apply(normName(site, options)),
});

function learning(declared: (about: Learned) => void): Learning<Term> {
  const learned = (_: string, about: Learned): Term => {
    declared(about);
    return leaf(about.symbol);
  };
  return { vector: learned, scalar: learned, byStep: (formula) => leaf(formula) };
}

/** `N_attn`; `N0_v` without a gain; `N_attn_out[g=0.25]` with a gain that does not start at 1. */
function normName(site: string, { gain = 1 }: NormOptions = {}): string {
  if (gain === "none") return `N0_${site}`;
  return gain === 1 ? `N_${site}` : `N_${site}[g=${Number(gain.toFixed(4))}]`;
}

/**
 * Norms inside a sub-layer: `_qkv` where each is the plain norm of its site, else each written out: `_[q: N_q(q), v: N0_v(v)]`.
 */
function inside(slots: InnerNorms<Term> | InnerFfnNorms<Term>, width = ""): string {
  const given = Object.entries(slots as Readonly<Record<string, Apply<Term> | undefined>>)
    .filter(([, norm]) => norm !== undefined)
    .map(([slot, norm]) => ({ slot, does: text(norm!(leaf(slot))) }));
  if (given.length === 0) return "";
  const plain = given.every(({ slot, does }) => does === `N_${slot}(${slot})`);
  const names = given.map(({ slot }) => slot);
  if (plain) return `_${names.every((name) => name.length === 1) ? names.join("") : names.join(",")}${width}`;
  return `_[${given.map(({ slot, does }) => `${slot}: ${does}`).join(", ")}]${width}`;
}
