/** The blocks of a section, and what stands in them. */
import type { ReportData } from "../../../src/report/data/report-data.ts";
import { type Block, type FigureBlock, plainText, type TableBlock } from "../../../src/report/page/blocks.ts";
import { sections } from "../../../src/report/sections/index.ts";

export const blocksOf = (data: ReportData, id: string): readonly Block[] =>
  sections(data).find((section) => section.id === id)?.blocks ?? [];

export const tables = (blocks: readonly Block[]) =>
  blocks.filter((block): block is TableBlock => block.kind === "table");

export const figures = (blocks: readonly Block[]) =>
  blocks.filter((block): block is FigureBlock => block.kind === "figure");

export const words = (blocks: readonly Block[]) =>
  blocks.flatMap((block) => (block.kind === "prose" ? [plainText(block.words)] : [])).join("\n");

export const cells = (blocks: readonly Block[], of = 0) => tables(blocks)[of]!.rows.map((row) => row.cells);
