/**
 * The windows of packed-v1, token by token: what each costs, and whether the model would have written it (the most probable
 * next token is the right one). Only tokens with at least `min_context` tokens of their window before them count:
 *   loss = sum w nats / sum w,   accuracy = sum w [argmax p = target] / sum w,   w[i] = 1 where i + 1 >= min_context, else 0
 */
import { z } from "zod";
import { LIKELIHOOD, likelihood } from "./likelihood.ts";
import { defineProtocol } from "./protocol.ts";
import { weightedSums } from "./weighted-sums.ts";

export const nextTokenAccuracy = defineProtocol({
  summary:
    "packed-v1's windows, and how many tokens greedy decoding gets right; of those with min_context before them",
  params: z.strictObject({
    /** Tokens of the window that a token must have before it. 1: every predicted token counts, as in packed-v1. */
    min_context: z.int().min(1).default(1),
  }),
  metrics: { ...LIKELIHOOD, accuracy: { unit: "fraction", better: "higher", digits: 4 } },
  check: (seqLen, { min_context }) =>
    min_context <= seqLen
      ? undefined
      : `no token of a window has ${min_context} tokens before it: model.seq_len is ${seqLen}`,
  slice(corpus, { seqLen, maxTokens }, { min_context }) {
    const { windows, window, sha256, bytesOf } = corpus.validation(seqLen, maxTokens);
    const weights = Float32Array.from({ length: seqLen }, (_, i) => (i + 1 >= min_context ? 1 : 0));
    let bytes = 0;
    for (let i = 0; i < windows; i++) for (const id of window(i).subarray(min_context)) bytes += bytesOf(id);
    const utf8Bytes = Math.round(bytes);
    return {
      seqLen,
      rows: windows,
      row: window,
      weights: () => weights,
      tokens: windows * (seqLen - min_context + 1),
      utf8Bytes,
      sha256,
      perToken: ["losses", "correct"],
      async scoreTokens(rows) {
        const all = { weight: 0, nats: 0, correct: 0 };
        for await (const row of rows) {
          const { weight, nats, correct } = weightedSums(row);
          all.weight += weight;
          all.nats += nats;
          all.correct += correct;
        }
        return {
          ...likelihood(all.nats / all.weight, all.nats, utf8Bytes),
          accuracy: all.correct / all.weight,
        };
      },
    };
  },
});
