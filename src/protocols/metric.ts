/** What a number of an evaluation is: all that tables, rankings, expectations and figures need to know of it. */
export interface Metric {
  /** `nats/token`, `bits/byte`, `fraction`; empty: a number without one. */
  readonly unit: string;
  /** Which of two values is the better one. */
  readonly better: "lower" | "higher";
  /** Decimals that tell runs apart. */
  readonly digits: number;
  /** Its title in a table, where that is not its name. */
  readonly title?: string;
  /** The metric of the same protocol that it is a function of, and ranks as: a figure draws that one alone. */
  readonly follows?: string;
}
