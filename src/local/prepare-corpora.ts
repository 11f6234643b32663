/** Fetches and tokenizes what a sweep trains on before its first run starts, and says what it is. */

import type { RunConfig } from "../config/schema.ts";
import { openCorpus } from "../data/corpus.ts";
import { count, fixed } from "../lib/format.ts";
import { evaluationSets } from "../train/evaluation-sets.ts";
import { dataContext } from "./folders.ts";

/** Opens each distinct corpus once, and what it is evaluated on, so that the runs find it ready. */
export async function prepareCorpora(
  configFile: string,
  runs: readonly { readonly config: RunConfig }[],
  log: (text: string) => void,
): Promise<void> {
  const distinct = new Map(
    runs.map(({ config }) => [
      JSON.stringify([config.data, config.eval, config.model.seq_len, config.model.vocab_size]),
      config,
    ]),
  );
  for (const config of distinct.values()) {
    const { data, model, eval: e } = config;
    let shown = "";
    const context = dataContext(configFile, (message) => {
      if (message !== shown) log(`data: ${message}`);
      shown = message;
    });
    const corpus = await openCorpus(data, context, model.vocab_size);
    const about = corpus.describe();
    const sizes = about.trainTokens === null ? "" : `, ${count(about.trainTokens)} train tokens`;
    log(
      `data: ${about.source}${about.tokenizer === null ? "" : `, tokenizer ${about.tokenizer}`}${sizes}, fingerprint ${about.fingerprint.slice(0, 12)}`,
    );
    const { unigramBitsPerByte, optimalLoss, tokens } = corpus.validation(model.seq_len, e.tokens);
    const optimum = optimalLoss === undefined ? "" : `; optimal loss ${fixed(optimalLoss, 4)} nats`;
    log(
      `data: validation on ${count(tokens)} tokens; unigram baseline ${fixed(unigramBitsPerByte, 3)} bits/byte${optimum}`,
    );
    const [, ...others] = await evaluationSets(config, corpus, context);
    for (const { split, protocol, slice } of others)
      log(`data: also evaluated on ${split}, ${protocol}, ${count(slice.tokens)} tokens`);
  }
}
