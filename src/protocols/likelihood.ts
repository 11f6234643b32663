/** The numbers that follow from what text costs: its loss, and that as perplexity and in bits per byte. */
import type { Metric } from "./metric.ts";
import type { Scores } from "./protocol.ts";

/** In the order of tables. */
export const LIKELIHOOD = {
  ppl: { unit: "", better: "lower", digits: 3, follows: "loss" },
  /** Comparable across tokenizers. */
  bits_per_byte: { unit: "bits/byte", better: "lower", digits: 4, title: "bits/byte", follows: "loss" },
  loss: { unit: "nats/token", better: "lower", digits: 4 },
} as const satisfies Record<string, Metric>;

/** `loss` in nats per token, as the protocol counts; `nats` of all predictions, whose text has so many UTF-8 bytes. */
export const likelihood = (
  loss: number,
  nats: number,
  utf8Bytes: number,
): Scores<keyof typeof LIKELIHOOD> => ({
  ppl: Math.exp(loss),
  bits_per_byte: nats / Math.LN2 / utf8Bytes,
  loss,
});
