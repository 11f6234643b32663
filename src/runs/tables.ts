/** The CSV tables a run writes: their columns, in one place. */
import { basename } from "node:path";
import { type Cell, CsvFile, csvText } from "../lib/csv.ts";
import { runFiles } from "./paths.ts";

/** train_loss in nats per token; grad_norm the global L2 norm before clipping; clip_coef the factor applied. */
const METRICS = ["step", "tokens", "lr", "train_loss", "train_ppl", "grad_norm", "clip_coef"] as const;
/** loss in nats per token; n_bytes the UTF-8 bytes of the predicted text. */
const EVAL = ["step", "protocol", "split", "loss", "ppl", "bits_per_byte", "n_tokens", "n_bytes"] as const;
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
  readonly evaluations: CsvFile<(typeof EVAL)[number]>;
  readonly gradientNorms: CsvFile<(typeof GRAD_NORMS)[number]>;
  readonly timing: CsvFile<(typeof TIMING)[number]>;
  /** Of a mixture of experts alone. */
  readonly experts?: CsvFile<(typeof EXPERTS)[number]>;
  readonly routers?: CsvFile<(typeof ROUTERS)[number]>;
  /** Waits for the disk; the length in bytes of each table, by file name. */
  sync(): Readonly<Record<string, number>>;
  close(): void;
}

/** eval.csv's columns as a whole file. */
export const evaluationText = (
  rows: readonly Readonly<Partial<Record<(typeof EVAL)[number], Cell>>>[],
): string => csvText([EVAL, ...rows.map((row) => EVAL.map((column) => row[column]))]);

/** New tables, or with `append` those that are there; `experts` says whether the model has any. */
export function openTables(dir: string, { append = false, experts = false } = {}): RunTables {
  const files = runFiles(dir);
  const all: [name: string, table: CsvFile<string>][] = [];
  const open = <C extends string>(path: string, columns: readonly C[]): CsvFile<C> => {
    const table = new CsvFile(path, columns, { append });
    all.push([basename(path), table]);
    return table;
  };
  const tables = {
    metrics: open(files.metrics, METRICS),
    evaluations: open(files.evaluations, EVAL),
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
