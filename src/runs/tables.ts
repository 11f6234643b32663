/** The CSV tables a run writes: their columns, in one place. */
import { CsvFile } from "../lib/csv.ts";
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
  close(): void;
}

export function openTables(dir: string): RunTables {
  const files = runFiles(dir);
  const metrics = new CsvFile(files.metrics, METRICS);
  const evaluations = new CsvFile(files.evaluations, EVAL);
  const gradientNorms = new CsvFile(files.gradientNorms, GRAD_NORMS);
  const timing = new CsvFile(files.timing, TIMING);
  const all = [metrics, evaluations, gradientNorms, timing];
  const close = () => {
    for (const table of all) table.close();
  };
  return { metrics, evaluations, gradientNorms, timing, close };
}
