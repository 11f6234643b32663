/** The CSV tables a run writes: the columns of its own, and those of its probes (src/probes/) beside them. */
import { basename } from "node:path";
import { type Cell, CsvFile, csvText, type TablePrefix } from "../lib/csv.ts";
import { probeFile, runFiles } from "./paths.ts";

/** train_loss in nats per token; grad_norm the global L2 norm before clipping; clip_coef the factor applied. */
const METRICS = ["step", "tokens", "lr", "train_loss", "train_ppl", "grad_norm", "clip_coef"] as const;
/** loss in nats per token; n_bytes the UTF-8 bytes of the predicted text. Then what else the run's protocols measure. */
const EVAL = ["step", "protocol", "split", "loss", "ppl", "bits_per_byte", "n_tokens", "n_bytes"];
/** In an order that depends on nothing but their names: a run that is resumed goes on with the same columns. */
const evaluationColumns = (metrics: readonly string[]): readonly string[] => [
  ...EVAL,
  ...new Set(metrics.filter((name) => !EVAL.includes(name)).sort()),
];
/** All that a clock or a machine can change. */
const TIMING = ["step", "wall_s", "step_s", "tokens_per_s", "rss_mib"] as const;

export interface RunTables {
  readonly metrics: CsvFile<(typeof METRICS)[number]>;
  readonly evaluations: CsvFile<string>;
  readonly timing: CsvFile<(typeof TIMING)[number]>;
  /** By file name. */
  readonly probes: ReadonlyMap<string, CsvFile<string>>;
  /** Waits for the disk; what was written to each table so far, by file name. */
  sync(): Readonly<Record<string, Required<TablePrefix>>>;
  close(): void;
}

/** A whole file like eval.csv; `metrics`: the names of the numbers in its rows. */
export function evaluationText(
  rows: readonly Readonly<Record<string, Cell>>[],
  metrics: readonly string[],
): string {
  const columns = evaluationColumns(metrics);
  return csvText([columns, ...rows.map((row) => columns.map((column) => row[column]))]);
}

export interface TableOptions {
  /** Go on with the tables that are there. */
  readonly append?: boolean;
  /** The probes' tables: the columns after `step`, by file name. */
  readonly probes?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** The names of all numbers that evaluations give. */
  readonly metrics?: readonly string[];
}

export function openTables(
  dir: string,
  { append = false, probes = {}, metrics = [] }: TableOptions = {},
): RunTables {
  const files = runFiles(dir);
  const all: [name: string, table: CsvFile<string>][] = [];
  const open = <C extends string>(path: string, columns: readonly C[]): CsvFile<C> => {
    const table = new CsvFile(path, columns, { append });
    all.push([basename(path), table]);
    return table;
  };
  const tables = {
    metrics: open(files.metrics, METRICS),
    evaluations: open(files.evaluations, evaluationColumns(metrics)),
    timing: open(files.timing, TIMING),
    probes: new Map(
      Object.entries(probes).map(([file, columns]) => {
        return [file, open<string>(probeFile(dir, file), ["step", ...Object.keys(columns)])] as const;
      }),
    ),
  };
  return {
    ...tables,
    sync: () => Object.fromEntries(all.map(([name, table]) => [name, table.sync()])),
    close() {
      for (const [, table] of all) table.close();
    },
  };
}
