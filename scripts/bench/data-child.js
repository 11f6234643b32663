// One measurement of bench/data.js in a process of its own: `data-child.js tokenize|prepare|read SPEC`; prints JSON.
import { performance } from "node:perf_hooks";
import { openCorpus } from "../../dist/data/corpus.js";
import { readJsonLines } from "../../dist/data/json-lines.js";
import { openPreparation } from "../../dist/data/prepare-corpus.js";
import { prepare } from "../../dist/data/shards/prepare.js";
import { loadTokenizer } from "../../dist/data/tokenizers/index.js";

const [what, text] = process.argv.slice(2);
const spec = JSON.parse(text);
const peak = () => ({ peak_rss_mb: process.resourceUsage().maxRSS / 1024 });

const measurements = {
  async tokenize({ sample, tokenizer }) {
    const texts = [];
    for await (const { text } of readJsonLines(sample)) texts.push(text);
    const bytes = texts.reduce((sum, t) => sum + Buffer.byteLength(t), 0);
    const loaded = await loadTokenizer(typeof tokenizer === "string" ? { name: tokenizer } : tokenizer);
    const once = () => {
      const begun = performance.now();
      for (const t of texts) loaded.encode(t);
      return bytes / 1e3 / (performance.now() - begun);
    };
    const cold = once();
    const warm = Array.from({ length: 5 }, once).sort((a, b) => a - b)[2];
    return { name: tokenizer.file?.split("/").at(-1) ?? tokenizer, cold, warm };
  },

  async prepare({ dir, train, validation, out, threads }) {
    const source = { name: "c4", train, validation };
    const ctx = { baseDir: dir, cacheDir: dir, workers: threads };
    const begun = performance.now();
    const opened = await openPreparation({ source, tokenizer: { name: "gpt2" } }, ctx);
    const what = { source: opened.source, tokenizer: opened.tokenizer, folder: out, shardTokens: 2 ** 29 };
    const manifest = await prepare(what, { encoder: opened.encoder, tool: "bench" });
    const seconds = (performance.now() - begun) / 1000;
    await opened.encoder.close();
    const { tokens, utf8_bytes: text_bytes } = manifest.train[0];
    return { tokens, text_bytes, seconds, ...peak() };
  },

  async read({ dir, out }) {
    const ctx = { baseDir: dir, cacheDir: dir };
    const corpus = await openCorpus({ source: { name: "shards", path: out } }, ctx);
    const stream = corpus.train(1024, 1);
    for (let k = 0; k < 100; k++) stream.batch(k, 32);
    const begun = performance.now();
    const batches = 2000;
    for (let k = 100; k < 100 + batches; k++) stream.batch(k, 32);
    return { tokens_per_second: (batches * 32 * 1025) / ((performance.now() - begun) / 1000), ...peak() };
  },
};

console.log(JSON.stringify(await measurements[what](spec)));
