/** How a report reads a probe's table back, row by row: the rows come from whoever has the file. */
import { type Layers, readLayers } from "./layers.ts";
import type { Row } from "./row.ts";

/** Reads one table of a run once. */
export interface Reader<R = unknown> {
  /** The file. */
  readonly table: string;
  /** Looks at a line before it is taken apart, where most rows are of no use. */
  keep?(line: string): boolean;
  /** undefined where there is nothing. `bucketOf`: steps of one bucket may be thinned to one. */
  read(rows: Iterable<Row>, bucketOf: (step: number) => number): R | undefined;
}

/** How a quantity is drawn over the layers. */
export interface LayerFigure {
  readonly title: string;
  /** Of the axis, unit included. */
  readonly label: string;
  readonly kind: "linear" | "log";
  /** A sentence on what is drawn. */
  readonly caption: string;
}

/** A column by layer at steps now and then. */
export interface LayerReader extends Reader<Layers> {
  /** Absent: the report has sections of its own for it. */
  readonly figure?: LayerFigure;
}

interface LayerColumn {
  readonly table: string;
  readonly column: string;
  /** Only rows that hold this text in this column, which is not the first. */
  readonly where?: readonly [column: string, text: string];
  readonly figure?: LayerFigure;
}

export const layerReader = ({ table, column, where, figure }: LayerColumn): LayerReader => ({
  table,
  ...(where === undefined ? {} : { keep: (line: string) => line.includes(`,${where[1]}`) }),
  read(rows, bucketOf) {
    const counts = (row: Row) => where === undefined || row.text(where[0]) === where[1];
    const found = readLayers(rows, (row) => (counts(row) ? row.number(column) : undefined), bucketOf);
    return found.size === 0 ? undefined : found;
  },
  ...(figure === undefined ? {} : { figure }),
});
