/**
 * A synthetic corpus whose best possible loss is known. Every sequence comes from a Markov chain of its own:
 * k symbols, a uniform first symbol, transition rows ~ Dirichlet(a, ..., a). A model must find the chain in
 * its context, so the loss falls from ln k (uniform) by way of induction towards the optimum.
 *
 * The rows are integrated out: given the symbols so far, the next one after i is j with probability
 *   p(j | i) = (n_ij + a) / (n_i + k a),   n_ij = how often j has followed i, n_i = sum over j
 * (Polya's urn; Blackwell & MacQueen 1973). Drawing from it is drawing chain and sequence together, and it is
 * also the Bayes-optimal prediction: no predictor that sees only the sequence pays less on average.
 */
import { z } from "zod";
import { sha256 } from "../../lib/hash.ts";
import { stream } from "../../lib/prng.ts";
import { defineSource, type TokenSource } from "../source.ts";

export const markov = defineSource({
  summary: "synthetic: each sequence from its own random Markov chain; the optimal loss is known",
  yields: "tokens",
  params: z.strictObject({
    /** k: the vocabulary. */
    symbols: z.int().min(2).max(1024).default(16),
    /** a: small means nearly deterministic chains, large means nearly uniform ones. */
    concentration: z.number().positive().max(1000).default(0.3),
    validation_sequences: z.int().min(1).max(1_000_000).default(256),
    /** Which validation set; the training seed belongs to the run. */
    validation_seed: z.int().min(0).default(0),
  }),
  async open({ symbols, concentration, validation_sequences, validation_seed }): Promise<TokenSource> {
    const urn = { k: symbols, a: concentration };
    const sequence: TokenSource["sequence"] = (seed, split, index, length) =>
      drawSequence(urn, seed, `data/markov/${split}/${index}`, length);
    const sample = sequence(0, "train", 0, 1024);
    return {
      yields: "tokens",
      label: `markov (${symbols} symbols, Dirichlet ${concentration})`,
      // The sample catches a machine or a version that would draw other sequences from the same numbers.
      identity: `markov/1 k=${symbols} a=${concentration} seed=${validation_seed} ${sha256(new Uint8Array(sample.buffer))}`,
      vocabSize: symbols,
      validationSequences: validation_sequences,
      validationSeed: validation_seed,
      sequence,
      optimalNats: (ids) => predictiveNats(urn, ids),
      unigramNats: Math.log(symbols),
    };
  },
});

interface Urn {
  /** Symbols. */
  readonly k: number;
  /** Dirichlet parameter of every symbol. */
  readonly a: number;
}

function drawSequence({ k, a }: Urn, seed: number, name: string, length: number): Int32Array {
  const random = stream(seed, name);
  const counts = new Float64Array(k * k);
  const rowSums = new Float64Array(k);
  const ids = new Int32Array(length);
  ids[0] = random.below(k);
  for (let t = 1; t < length; t++) {
    const i = ids[t - 1]!;
    let left = random.uniform() * (rowSums[i]! + k * a);
    let j = 0;
    while (j < k - 1 && left >= counts[i * k + j]! + a) left -= counts[i * k + j++]! + a;
    ids[t] = j;
    counts[i * k + j]! += 1;
    rowSums[i]! += 1;
  }
  return ids;
}

/** Sum over t of -ln p(x_t | x_0 .. x_{t-1}), t >= 1. */
function predictiveNats({ k, a }: Urn, ids: Int32Array): number {
  const counts = new Float64Array(k * k);
  const rowSums = new Float64Array(k);
  let nats = 0;
  for (let t = 1; t < ids.length; t++) {
    const [i, j] = [ids[t - 1]!, ids[t]!];
    nats -= Math.log((counts[i * k + j]! + a) / (rowSums[i]! + k * a));
    counts[i * k + j]! += 1;
    rowSums[i]! += 1;
  }
  return nats;
}
