/** A report as one HTML page that needs nothing else: figures and style inside, no script. */

import { el, joined, type Markup, text } from "../charts/element.ts";
import { barElement, isWide, panelElement } from "../charts/figure.ts";
import { CHART_STYLE, swatch } from "../charts/marks.ts";
import {
  type Block,
  type FigureBlock,
  LONG_TABLE,
  type RichText,
  type Section,
  sourceText,
  spansOf,
  type TableBlock,
} from "./blocks.ts";
import { PAGE_STYLE } from "./page-style.ts";

/** Well-formed as XML too, but for the doctype. */
export function html(title: string, subtitle: string, sections: readonly Section[]): string {
  const page = el(
    "html",
    { lang: "en", xmlns: "http://www.w3.org/1999/xhtml" },
    el(
      "head",
      {},
      el("meta", { charset: "utf-8" }),
      el("meta", { name: "viewport", content: "width=device-width, initial-scale=1" }),
      el("meta", { name: "color-scheme", content: "light dark" }),
      el("title", {}, text(title)),
      el("style", {}, `${CHART_STYLE}${PAGE_STYLE}` as Markup),
    ),
    el(
      "body",
      {},
      el(
        "header",
        {},
        el("h1", {}, text(title)),
        ...(subtitle === "" ? [] : [el("p", { class: "sub" }, text(subtitle))]),
        el("nav", { "aria-label": "Sections" }, joined(sections.map(link), " ")),
      ),
      el("main", {}, ...sections.map(sectionElement)),
    ),
  );
  return `<!DOCTYPE html>\n${page}\n`;
}

const link = ({ id, title }: Section): Markup => el("a", { href: `#${id}` }, text(title));

const sectionElement = ({ id, title, blocks }: Section): Markup => {
  // A figure alone needs no title under that of its section.
  const alone = blocks.filter(({ kind }) => kind === "figure").length === 1;
  return el(
    "section",
    { id },
    el("h2", {}, text(title)),
    ...blocks.map((block) => blockElement(block, alone)),
  );
};

function blockElement(block: Block, alone: boolean): Markup {
  switch (block.kind) {
    case "prose":
      return el("p", { class: block.tone }, wordsElement(block.words));
    case "table":
      return tableElement(block);
    case "figure":
      return figureElement(block, alone);
  }
}

const wordsElement = (words: RichText): Markup =>
  joined(
    spansOf(words).map((word) => {
      if (typeof word === "string") return text(word);
      return "strong" in word ? el("strong", {}, text(word.strong)) : el("code", {}, text(word.code));
    }),
  );

function tableElement({ columns, rows }: TableBlock): Markup {
  const shaded = rows.some(({ series }) => series !== undefined);
  const cell = (name: "th" | "td", content: Markup, i: number) =>
    el(name, columns[i]!.align === "right" ? { class: "n" } : {}, content);
  const content = el(
    "div",
    { class: "scroll" },
    el(
      "table",
      {},
      el("thead", {}, el("tr", {}, ...columns.map(({ title }, i) => cell("th", text(title), i)))),
      el(
        "tbody",
        {},
        ...rows.map(({ cells, series, strong }) => {
          const sign = !shaded
            ? []
            : [series === undefined ? el("span", { class: "swatch" }, text("")) : swatch(series)];
          const first = joined([...sign, text(cells[0] ?? "")]);
          return el(
            "tr",
            strong ? { class: "best" } : {},
            ...cells.map((content, i) => cell("td", i === 0 ? first : text(content), i)),
          );
        }),
      ),
    ),
  );
  return rows.length > LONG_TABLE ? folded(`${rows.length} rows`, content) : content;
}

function figureElement(figure: FigureBlock, alone: boolean): Markup {
  const { id, title, panels, legend = [], bar, caption, from } = figure;
  const keys = legend.map(({ label, series }) => el("span", {}, swatch(series), text(label)));
  return el(
    "figure",
    { id: `figure-${id}` },
    ...(alone ? [] : [el("h3", {}, text(title))]),
    ...(keys.length === 0 ? [] : [el("div", { class: "legend" }, ...keys)]),
    el(
      "div",
      { class: `panels ${panels.length === 1 ? "one" : isWide(panels.length) ? "three" : "two"}` },
      ...panels.map((panel) => panelElement(panel, title)),
    ),
    ...(bar === undefined ? [] : [barElement(bar)]),
    el(
      "figcaption",
      {},
      wordsElement(caption),
      text(" "),
      folded(`From ${sourceText(from)}`, el("span", {}, text(from.runs.join(", ")))),
    ),
  );
}

const folded = (summary: string, content: Markup): Markup =>
  el("details", {}, el("summary", {}, text(summary)), content);
