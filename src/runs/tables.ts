/** The CSV tables a run writes: their columns, in one place. */
import { basename } from "node:path";
import { type Cell, CsvFile, csvText } from "../lib/csv.ts";
import { runFiles } from "./paths.ts";

/** train_loss in nats per token; grad_norm the global L2 norm before clipping; clip_coef the factor applied. */
const METRICS = ["step", "tokens", "lr", "train_loss", "train_ppl", "grad_norm", "clip_coef"] as const;
/** loss in nats per token; n_bytes the UTF-8 bytes of the predicted text. Then what else the run's protocols measure. */
const EVAL = ["step", "protocol", "split", "loss", "ppl", "bits_per_byte", "n_tokens", "n_bytes"];
/** In an order that depends on nothing but their names: a run that is resumed goes on with the same columns. */
const evaluationColumns = (metrics: readonly string[]): readonly string[] => [
  ...EVAL,
  ...new Set(metrics.filter((name) => !EVAL.includes(name)).sort()),
];
/**
 * L2 of the gradient before clipping and of the weight before the update. tensor `*`: the whole layer;
 * `experts.*`: this tensor of all experts.
 */
const GRAD_NORMS = ["step", "layer", "tensor", "grad_l2", "weight_l2"] as const;
/** token_share of the choices of all tokens, 1 in all; the norms over all tensors of the expert. */
const EXPERTS = ["step", "layer", "expert", "token_share", "grad_l2", "weight_l2"] as const;
/** entropy in nats; the losses as terms of the whole, coefficient included; dropped_tokens is 0 unless something is wrong. */
const ROUTERS = ["step", "layer", "entropy", "balance_loss", "z_loss", "dropped_tokens"] as const;
const TIMING = ["step", "wall_s", "step_s", "tokens_per_s", "rss_mib"] as const;

export interface RunTables {
  readonly metrics: CsvFile<(typeof METRICS)[number]>;
  readonly evaluations: CsvFile<string>;
  readonly gradientNorms: CsvFile<(typeof GRAD_NORMS)[number]>;
  readonly timing: CsvFile<(typeof TIMING)[number]>;
  /** Of a mixture of experts alone. */
  readonly experts?: CsvFile<(typeof EXPERTS)[number]>;
  readonly routers?: CsvFile<(typeof ROUTERS)[number]>;
  /** Waits for the disk; the length in bytes of each table, by file name. */
  sync(): Readonly<Record<string, number>>;
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

interface TableOptions {
  /** Go on with the tables that are there. */
  readonly append?: boolean;
  /** Whether the model has any. */
  readonly experts?: boolean;
  /** The names of all numbers that evaluations give. */
  readonly metrics?: readonly string[];
}

export function openTables(
  dir: string,
  { append = false, experts = false, metrics = [] }: TableOptions = {},
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
    gradientNorms: open(files.gradientNorms, GRAD_NORMS),
    timing: open(files.timing, TIMING),
  };
  const mixture = experts
    ? { experts: open(files.experts, EXPERTS), routers: open(files.routers, ROUTERS) }
    : {};
  return {
    ...tables,
    ...mixture,
    sync: () => Object.fromEntries(all.map(([name, table]) => [name, table.sync()])),
    close() {
      for (const [, table] of all) table.close();
    },
  };
}
