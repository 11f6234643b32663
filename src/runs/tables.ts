/** The CSV tables a run writes: their columns, in one place. */
import { basename } from "node:path";
import { type Cell, CsvFile, csvText } from "../lib/csv.ts";
import { runFiles } from "./paths.ts";

/** train_loss in nats per token; grad_norm the global L2 norm before clipping; clip_coef the factor applied. */
const METRICS = ["step", "tokens", "lr", "train_loss", "train_ppl", "grad_norm", "clip_coef"] as const;
/** loss in nats per token; n_bytes the UTF-8 bytes of the predicted text. */
const EVAL = ["step", "protocol", "split", "loss", "ppl", "bits_per_byte", "n_tokens", "n_bytes"] as const;
/** L2 of the gradient before clipping and of the weight before the update. tensor `*`: the whole layer. */
const GRAD_NORMS = ["step", "layer", "tensor", "grad_l2", "weight_l2"] as const;
const TIMING = ["step", "wall_s", "step_s", "tokens_per_s", "rss_mib"] as const;

export interface RunTables {
  readonly metrics: CsvFile<(typeof METRICS)[number]>;
  readonly evaluations: CsvFile<(typeof EVAL)[number]>;
  readonly gradientNorms: CsvFile<(typeof GRAD_NORMS)[number]>;
  readonly timing: CsvFile<(typeof TIMING)[number]>;
  /** Waits for the disk; the length in bytes of each table, by file name. */
  sync(): Readonly<Record<string, number>>;
  close(): void;
}

/** eval.csv's columns as a whole file. */
export const evaluationText = (
  rows: readonly Readonly<Partial<Record<(typeof EVAL)[number], Cell>>>[],
): string => csvText([EVAL, ...rows.map((row) => EVAL.map((column) => row[column]))]);

/** New tables, or with `append` those that are there. */
export function openTables(dir: string, { append = false } = {}): RunTables {
  const files = runFiles(dir);
  const open = <C extends string>(path: string, columns: readonly C[]) =>
    new CsvFile(path, columns, { append });
  const metrics = open(files.metrics, METRICS);
  const evaluations = open(files.evaluations, EVAL);
  const gradientNorms = open(files.gradientNorms, GRAD_NORMS);
  const timing = open(files.timing, TIMING);
  const paths = [files.metrics, files.evaluations, files.gradientNorms, files.timing];
  const all = [metrics, evaluations, gradientNorms, timing];
  return {
    metrics,
    evaluations,
    gradientNorms,
    timing,
    sync: () => Object.fromEntries(all.map((table, i) => [basename(paths[i]!), table.sync()])),
    close() {
      for (const table of all) table.close();
    },
  };
}
