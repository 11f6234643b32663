/**
 * A protocol as a task would be one: questions with choices, scored as OLMo and lm-evaluation-harness do. The context is read
 * and counts nothing; a choice's score is its log-probability, alone, per token or per byte.
 */
import { z } from "zod";
import { LIKELIHOOD } from "../../../src/protocols/likelihood.ts";
import type { Metric } from "../../../src/protocols/metric.ts";
import { defineProtocol } from "../../../src/protocols/protocol.ts";
import { type WeightedSums, weightedSums } from "../../../src/protocols/weighted-sums.ts";

export interface Item {
  readonly context: readonly number[];
  readonly choices: readonly (readonly number[])[];
  /** Of each choice's text. */
  readonly bytes: readonly number[];
  /** Which choice is right. */
  readonly gold: number;
}

const fraction: Metric = { unit: "fraction", better: "higher", digits: 4 };

/** The items take the place of a corpus that holds them. */
export const multipleChoice = (items: readonly Item[]) => {
  const choices = items.flatMap((item) =>
    item.choices.map((ids, i) => ({ item, ids, bytes: item.bytes[i]!, right: i === item.gold })),
  );
  return defineProtocol({
    summary: "the right one of several continuations",
    params: z.strictObject({}),
    metrics: {
      acc: fraction,
      acc_per_token: fraction,
      acc_per_byte: fraction,
      /** Of the right choices: how many are greedy from the first token to the last. */
      exact: fraction,
      bits_per_byte: LIKELIHOOD.bits_per_byte,
    },
    slice: () => ({
      seqLen: Math.max(...choices.map(({ item, ids }) => item.context.length + ids.length - 1)),
      rows: choices.length,
      row: (i) => Int32Array.of(...choices[i]!.item.context, ...choices[i]!.ids),
      weights(i) {
        const { item, ids } = choices[i]!;
        return [...new Array<number>(item.context.length - 1).fill(0), ...ids.map(() => 1)];
      },
      tokens: choices.reduce((sum, { ids }) => sum + ids.length, 0),
      utf8Bytes: choices.reduce((sum, { bytes }) => sum + bytes, 0),
      sha256: "",
      perToken: ["losses", "correct"],
      async scoreTokens(rows) {
        const scored: ((typeof choices)[number] & WeightedSums)[] = [];
        for await (const row of rows) scored.push({ ...choices[row.index]!, ...weightedSums(row) });
        type Scored = (typeof scored)[number];
        const share = (of: (item: Item) => boolean) => items.filter(of).length / items.length;
        const best = (score: (choice: Scored) => number) => (item: Item) => {
          const own = scored.filter((choice) => choice.item === item);
          return own.reduce((a, b) => (score(b) > score(a) ? b : a)).right;
        };
        const right = scored.filter((choice) => choice.right);
        const sum = (of: (choice: Scored) => number) =>
          right.reduce((total, choice) => total + of(choice), 0);
        return {
          acc: share(best(({ nats }) => -nats)),
          acc_per_token: share(best(({ nats, weight }) => -nats / weight)),
          acc_per_byte: share(best(({ nats, bytes }) => -nats / bytes)),
          exact: right.filter(({ correct, weight }) => correct === weight).length / items.length,
          bits_per_byte: sum(({ nats }) => nats) / Math.LN2 / sum(({ bytes }) => bytes),
        };
      },
    }),
  });
};
