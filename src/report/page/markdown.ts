/** A report as GitHub's Markdown: figures are links to the files beside it, so that it fits a summary of a CI job. */
import { printable } from "../../lib/printable.ts";
import {
  type Block,
  type FigureBlock,
  LONG_TABLE,
  listed,
  type RichText,
  type Section,
  sourceText,
  spansOf,
  type TableBlock,
} from "./blocks.ts";

export const markdown = (title: string, sections: readonly Section[]): string =>
  `${[`# ${safe(title)}`, ...sections.flatMap(sectionText)].join("\n\n")}\n`;

const sectionText = ({ title, blocks }: Section): readonly string[] => [
  `## ${safe(title)}`,
  ...blocks.map(blockText),
];

function blockText(block: Block): string {
  switch (block.kind) {
    case "prose":
      return block.tone === "note" ? `<sub>${wordsText(block.words)}</sub>` : wordsText(block.words);
    case "table":
      return tableText(block);
    case "figure":
      return figureText(block);
  }
}

const wordsText = (words: RichText): string =>
  spansOf(words)
    .map((word) => {
      if (typeof word === "string") return safe(word);
      return "strong" in word ? `**${safe(word.strong.trim())}**` : `<code>${safe(word.code)}</code>`;
    })
    .join("");

function tableText({ columns, rows }: TableBlock): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const text = [
    line(columns.map(({ title }) => safe(title))),
    line(columns.map(({ align }) => (align === "right" ? "--:" : ":--"))),
    ...rows.map(({ cells, strong }) =>
      line(cells.map((cell) => (strong && cell !== "" ? `**${safe(cell)}**` : safe(cell)))),
    ),
  ].join("\n");
  return rows.length > LONG_TABLE ? folded(`${rows.length} rows`, text) : text;
}

const figureText = ({ id, title, caption, from, legend = [] }: FigureBlock): string => {
  const arms = legend.length === 0 ? "" : ` (${listed(legend.map(({ label }) => label))})`;
  return [
    `**${safe(title)}**`,
    `![${safe(`${title}${arms}`)}](./${id}.svg)`,
    `<sub>${wordsText(caption)}</sub>`,
    folded(`From ${sourceText(from)}`, safe(from.runs.join(", "))),
  ].join("\n\n");
};

const folded = (summary: string, text: string): string =>
  `<details><summary>${safe(summary)}</summary>\n\n${text}\n\n</details>`;

/** What Markdown or HTML would take for markup, as a plain character; one line. */
const safe = (text: string): string =>
  printable(text)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replace(/[\\`*_[\]|~#$]/g, (character) => `\\${character}`)
    .replace(/\s*[\r\n]+\s*/g, " ");
