/** What other tools and papers call our keys and values, for "did you mean": nothing is read under these names. */
import { transformersKeys } from "../model/transformers-names.ts";

const SCHEDULE = "schedule: { name: cosine, warmup_steps: ... }";
const OPTIMIZER = "optimizer: { weight_decay: ..., beta2: ... }";

/** The key that is meant, and how it is written where that says more. */
const KEYS = new Map<string, readonly [key: string, written?: string]>([
  ["learning_rate", ["lr"]],
  ["max_lr", ["lr"]],
  ["warmup", ["schedule", SCHEDULE]],
  ["warmup_steps", ["schedule", SCHEDULE]],
  ["warmup_ratio", ["schedule", SCHEDULE]],
  ["lr_scheduler", ["schedule", SCHEDULE]],
  ["lr_scheduler_type", ["schedule", SCHEDULE]],
  ["weight_decay", ["optimizer", OPTIMIZER]],
  ["betas", ["optimizer", OPTIMIZER]],
  ["clip", ["grad_clip"]],
  ["max_grad_norm", ["grad_clip"]],
  ["gradient_clipping", ["grad_clip"]],
  ["max_steps", ["steps"]],
  ["per_device_train_batch_size", ["micro_batch_size"]],
  ["gradient_accumulation_steps", ["micro_batch_size"]],
  ["gradient_checkpointing", ["recompute"]],
  ["seeds", ["sweep", "sweep: { seeds: ... }"]],
  ["grid", ["sweep", "sweep: { grid: ... }"]],
  ["optimizer", ["train", "train: { optimizer: ... }"]],
  ["dataset", ["data"]],
  ["hidden_dim", ["d_model"]],
]);
for (const [theirs, ours] of transformersKeys) KEYS.set(theirs, [ours]);

const VALUES: ReadonlyMap<string, string> = new Map([
  ["gpu", "cuda"],
  ["nvidia", "cuda"],
  ["tf", "tensorflow"],
  ["pre-ln", "pre"],
  ["preln", "pre"],
  ["pre-norm", "pre"],
  ["prenorm", "pre"],
  ["post-ln", "post"],
  ["postln", "post"],
  ["post-norm", "post"],
  ["postnorm", "post"],
  ["hybridnorm", "hybrid"],
  ["hybridnorm*", "hybrid-star"],
  ["mixln", "mix-ln"],
  ["peri-ln", "peri"],
  ["layer_norm", "layernorm"],
  ["rms_norm", "rmsnorm"],
  ["rms-norm", "rmsnorm"],
]);

/** How the key that is meant is written, if it is allowed here. */
export function keyMeant(key: string, allowed: readonly string[]): string | undefined {
  const [ours, written = ours] = KEYS.get(key.toLowerCase()) ?? [];
  return ours !== undefined && allowed.includes(ours) ? written : undefined;
}

export function valueMeant(value: string, allowed: readonly string[]): string | undefined {
  const ours = VALUES.get(value.toLowerCase());
  return ours !== undefined && allowed.includes(ours) ? ours : undefined;
}

const MULTIPLES: Readonly<Record<string, string>> = { k: "e3", M: "e6", B: "e9", G: "e9", T: "e12" };

/** What a text in the place of a number should have been: quoted, in percent, with a unit or separators. */
export function numberMeant(text: string): string | undefined {
  const trimmed = text.trim();
  if (trimmed !== "" && Number.isFinite(Number(trimmed))) return `${trimmed}, without quotes`;
  const [, digits, unit] = /^([\d.]+) ?([%kMBGT])$/.exec(trimmed) ?? [];
  if (unit !== undefined && Number.isFinite(Number(digits)))
    return unit === "%" ? String(Number(digits) / 100) : `${digits}${MULTIPLES[unit]}`;
  const plain = trimmed.replaceAll(/(?<=\d)[_,](?=\d{3})/g, "");
  return plain !== trimmed && Number.isFinite(Number(plain)) ? plain : undefined;
}
