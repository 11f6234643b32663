/** What a section of a report is made of. It says nothing of how it looks: html.ts and markdown.ts do. */
import { plural } from "../../lib/format.ts";
import type { ColourBar, Legend } from "../charts/figure.ts";
import type { Panel } from "../charts/frame.ts";

/** Plain words, and words that stand out; every renderer escapes them. */
export type RichText = string | readonly TextSpan[];
export type TextSpan = string | { readonly strong: string } | { readonly code: string };

/** `tone`: an answer is what one reads first; a note is small print. */
interface Prose {
  readonly kind: "prose";
  readonly tone: "answer" | "plain" | "note";
  readonly words: RichText;
}

export interface TableBlock {
  readonly kind: "table";
  readonly columns: readonly { readonly title: string; readonly align: "left" | "right" }[];
  readonly rows: readonly TableLine[];
}

interface TableLine {
  readonly cells: readonly string[];
  /** The colour of the arm that the row is about. */
  readonly series?: number;
  readonly strong?: boolean;
}

export interface FigureBlock {
  readonly kind: "figure";
  /** Its file's name without `.svg`; unique in a report. */
  readonly id: string;
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly legend?: readonly Legend[];
  readonly bar?: ColourBar;
  readonly caption: RichText;
  /** The files of each run that it was drawn from, and the runs' names. */
  readonly from: { readonly files: readonly string[]; readonly runs: readonly string[] };
}

/** A table with more rows is folded. */
export const LONG_TABLE = 24;

/** `3 runs: eval.csv`. */
export const sourceText = ({ files, runs }: FigureBlock["from"]): string =>
  `${plural(runs.length, "run")}: ${files.join(", ")}`;

export type Block = Prose | TableBlock | FigureBlock;

/** A section with something to say. */
export interface Section {
  readonly id: string;
  readonly title: string;
  readonly blocks: readonly Block[];
}

export const prose = (words: RichText, tone: Prose["tone"] = "plain"): Prose => ({
  kind: "prose",
  tone,
  words,
});

/** `a`, `a and b`, `a, b and c`; of more than `most`, `a, b and 3 more`. */
export function listed(names: readonly string[], most = 8): string {
  const shown =
    names.length > most ? [...names.slice(0, most - 1), `${names.length - most + 1} more`] : names;
  // Labels of several factors have commas of their own.
  const between = names.some((name) => name.includes(",")) ? "; " : ", ";
  return shown.length < 2 ? shown.join("") : `${shown.slice(0, -1).join(between)} and ${shown.at(-1)}`;
}

export const spansOf = (words: RichText): readonly TextSpan[] =>
  typeof words === "string" ? [words] : words;

/** Without emphasis, for a terminal. */
export const plainText = (words: RichText): string =>
  spansOf(words)
    .map((word) => (typeof word === "string" ? word : "strong" in word ? word.strong : word.code))
    .join("");

/** The figure of the panels that there are; nothing where there is none, or no run that it comes from. */
export function figure({
  panels,
  ...rest
}: Omit<FigureBlock, "kind" | "panels"> & {
  readonly panels: readonly (Panel | undefined)[];
}): readonly FigureBlock[] {
  const drawn = panels.filter((panel): panel is Panel => panel !== undefined);
  return drawn.length === 0 || rest.from.runs.length === 0
    ? []
    : [{ kind: "figure", panels: drawn, ...rest }];
}
