/** A norm function in words, read off its own definition. */
import { leaf, minus, over, symbolic, type Term, text, times } from "../equations/term.ts";
import type { Learned } from "../equations/verbs.ts";
import type { FunctionVerbs } from "./function.ts";
import { type NormFunctionSelection, selectFunction } from "./index.ts";

export interface FunctionExplanation {
  /** `N(x) = g x / rms(x)`. */
  readonly equation: string;
  /** What it does to the embedding output: `E = s E[tokens]`; absent: nothing. */
  readonly embed?: string;
  /** Its learned parameters at each site, and on the embedding. */
  readonly learned: readonly LearnedTensor[];
}

export interface LearnedTensor extends Learned {
  /** Behind the site's name: `weight` of `blocks.3.attn_norm.weight`. */
  readonly name: string;
  readonly kind: "vector" | "number";
}

/** `width`: of the rows, d; some first values hang on it. */
export function explainFunction(selection: NormFunctionSelection, width = 1): FunctionExplanation {
  const { normFunction, params } = selectFunction(selection);
  const learned: LearnedTensor[] = [];
  const symbols = symbolsOf((tensor) => learned.push(tensor));
  const rows = leaf("E[tokens]");
  const equation = `N(x) = ${text(normFunction.apply(symbols, leaf("x"), {}, params))}`;
  const embedded = normFunction.embed?.(symbols, rows, width, params) ?? rows;
  return { equation, ...(embedded === rows ? {} : { embed: `E = ${text(embedded)}` }), learned };
}

const symbolsOf = (declared: (tensor: LearnedTensor) => void): FunctionVerbs<Term> => ({
  ...symbolic,
  rms(x, gain) {
    const root: Term = { args: [x], print: ([p]) => `rms(${p})`, binding: "atom" };
    const normalized = over(x, root);
    return gain === undefined ? normalized : times(gain, normalized);
  },
  center: (x) => minus(x, { args: [x], print: ([p]) => `mean(${p})`, binding: "atom" }),
  vector(name, about) {
    declared({ name, kind: "vector", ...about });
    return leaf(about.symbol);
  },
  scalar(name, about) {
    declared({ name, kind: "number", ...about });
    return leaf(about.symbol);
  },
});
