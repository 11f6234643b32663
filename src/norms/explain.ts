/**
 * A strategy in words, read off its own definition: its `block` is run on symbols instead of tensors, so the printed
 * equation cannot differ from what is trained.
 */

import { leaf, sharedTerms, type Term, text } from "../equations/term.ts";
import type { Learned } from "../equations/verbs.ts";
import { type NormSelection, norms, selectNorm } from "./index.ts";
import { type NormStrategy, type State, valuesOf } from "./strategy.ts";
import { blockSymbols, endSymbols } from "./symbols.ts";

/** Consecutive blocks with the same equation. */
export interface LayerGroup {
  readonly first: number;
  readonly last: number;
  readonly glyph: string;
  /** One line per intermediate value, the last ones being the streams: X'. */
  readonly equation: readonly string[];
}

export interface Explanation {
  readonly groups: readonly LayerGroup[];
  /** One letter per block, groups split by `|`: `PPP|rrrrrrrrr`. */
  readonly map: string;
  /** What happens to the embedding and before the head. */
  readonly embed: string;
  readonly final: string;
  /** Learned factors of the strategy's own: `c, starts at 0.1`. */
  readonly learned: readonly string[];
}

export function explain(selection: NormSelection, layers: number): Explanation {
  const { strategy, params } = selectNorm(selection);
  const groups: LayerGroup[] = [];
  const learned = new Set<string>();
  const declared = ({ symbol, initial }: Learned) => learned.add(`${symbol}, starts at ${initial}`);
  const equations = blockEquations(strategy, params, layers, declared);
  equations.forEach(({ lines }, layer) => {
    const before = groups.at(-1);
    if (before !== undefined && before.equation.join() === lines.join()) {
      groups[groups.length - 1] = { ...before, last: layer };
    } else {
      const glyph = glyphOf(lines, layer, layers) ?? strategy.glyph;
      groups.push({ first: layer, last: layer, glyph, equation: lines });
    }
  });
  const ends = endSymbols(layers, declared);
  const start = valuesOf(strategy.embed?.(ends, leaf("E[tokens]"), params) ?? leaf("E[tokens]"));
  const streams = leaves(strategy, equations.at(-1)?.streams ?? start.length);
  const last = stateOf(streams);
  const final = strategy.final?.(ends, last, params) ?? ends.norm("final")(streams[0]!);
  return {
    groups,
    map: mapOf(groups),
    embed: start.map((term, i) => `${streamName(strategy, i, start.length)} = ${text(term)}`).join(",  "),
    final: `logits = W_head ${final.binding === "sum" ? `(${text(final)})` : text(final)}`,
    learned: [...learned],
  };
}

/** What a block does in words, and how many streams come out of it. */
interface BlockEquation {
  readonly lines: readonly string[];
  readonly streams: number;
}

/** Of every block in turn: a strategy may hand on more streams than it was given. */
function blockEquations(
  strategy: NormStrategy,
  params: unknown,
  layers: number,
  declared: (about: Learned) => void,
): readonly BlockEquation[] {
  const start = strategy.embed?.(endSymbols(layers), leaf("E"), params) ?? leaf("E");
  let { length } = valuesOf(start);
  return Array.from({ length: layers }, (_, layer) => {
    const equation = blockEquation(strategy, params, { layer, layers, streams: length }, declared);
    length = equation.streams;
    return equation;
  });
}

interface Place {
  readonly layer: number;
  readonly layers: number;
  readonly streams: number;
}

/** The equation of one block, with values that are used twice given names of their own. */
function blockEquation(
  strategy: NormStrategy,
  params: unknown,
  { layer, layers, streams }: Place,
  declared?: (about: Learned) => void,
): BlockEquation {
  const state = stateOf(leaves(strategy, streams));
  const results = valuesOf(strategy.block(blockSymbols(layer, layers, declared), state, params));
  const names = new Map<Term, string>();
  const lines: string[] = [];
  for (const term of sharedTerms(results)) {
    const line = text(term, names);
    names.set(term, "YZUVW"[names.size] ?? `T${names.size}`);
    lines.push(`${names.get(term)} = ${line}`);
  }
  const outputs = results.map((term, i) => {
    const name = streamName(strategy, i, results.length);
    return `${name}' = ${text(term, names)}`;
  });
  return { lines: [...lines, ...outputs], streams: results.length };
}

/** One stream is the value itself. */
const stateOf = (values: readonly Term[]): State<Term> => (values.length === 1 ? values[0]! : values);

const leaves = (strategy: NormStrategy, count: number): readonly Term[] =>
  Array.from({ length: count }, (_, i) => leaf(streamName(strategy, i, count)));

const streamName = ({ streams }: NormStrategy, i: number, count: number): string =>
  streams?.[i] ?? (count === 1 ? "X" : `X${i + 1}`);

/** The letter of the plain strategy that has this equation in every block, if there is one. */
function glyphOf(equation: readonly string[], layer: number, layers: number): string | undefined {
  const plain = Object.values<NormStrategy>(norms).flatMap((s) => {
    const own = s.params.safeParse({});
    return own.success && s.streams === undefined ? [{ s, params: own.data }] : [];
  });
  const same = ({ s, params }: (typeof plain)[number]) =>
    [layer, layers - 1].every(
      (l) => blockEquation(s, params, { layer: l, layers, streams: 1 }).lines.join() === equation.join(),
    );
  return plain.find(same)?.s.glyph;
}

const mapOf = (groups: readonly LayerGroup[]): string =>
  groups.reduce((map, { glyph, first, last }) => {
    const block = glyph.repeat(last - first + 1);
    return map === "" || map.endsWith(glyph) ? map + block : `${map}|${block}`;
  }, "");
