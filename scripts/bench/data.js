// Preparing one C4-sized file (319 MB of gzip, 800 MB of text) and reading it: tokenizer speed, preparation speed, peak
// memory, reading speed. The text is the C4 sample of HNORM_TEST_DATA, repeated; made-up words where that is not set.
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const GZIP_BYTES = 319e6;
const CHILD = fileURLToPath(new URL("data-child.js", import.meta.url));
const TEST_DATA = process.env.HNORM_TEST_DATA ?? "";
const SAMPLE = join(TEST_DATA, "c4/en/c4-train.sample-00000-of-00002.json.gz");
const TOKENIZERS = ["allenai_gpt-neox-olmo-dolma-v1_5.json", "allenai_dolma2.json"].map((name) =>
  join(TEST_DATA, "tokenizers", name),
);

export const data = {
  summary: "one file of C4's size to token shards, and windows read from them",

  run({ rounds, threads }) {
    const dir = mkdtempSync(join(tmpdir(), "hnorm-bench-"));
    try {
      const sample = join(dir, "sample.json.gz");
      writeFileSync(sample, existsSync(SAMPLE) ? readFileSync(SAMPLE) : madeUp());
      console.log(
        `  text: ${existsSync(SAMPLE) ? "C4" : "made up; set HNORM_TEST_DATA for C4"}, ${threads} threads`,
      );
      const files = TEST_DATA === "" ? [] : TOKENIZERS.filter(existsSync);
      for (const tokenizer of ["gpt2", ...files.map((file) => ({ name: "json", file }))])
        for (let round = 1; round <= rounds; round++) {
          const { name, cold, warm } = child("tokenize", { sample, tokenizer });
          console.log(
            `  round ${round}  ${name.padEnd(40)} ${cold.toFixed(1)} MB/s cold, ${warm.toFixed(1)} warm, one thread`,
          );
        }
      const large = join(dir, "train.json.gz");
      const bytes = readFileSync(sample);
      // Gzip files joined are a gzip file.
      for (let size = 0; size < GZIP_BYTES; size += bytes.length) appendFileSync(large, bytes);
      const spec = {
        dir,
        train: "train.json.gz",
        validation: "sample.json.gz",
        out: join(dir, "out"),
        threads,
      };
      const made = child("prepare", spec);
      console.log(
        `  prepared ${(statSync(large).size / 1e6).toFixed(0)} MB of gzip, ${(made.text_bytes / 1e6).toFixed(0)} MB of text, ${(made.tokens / 1e6).toFixed(0)}M tokens ` +
          `in ${made.seconds.toFixed(1)} s: ${(made.text_bytes / 1e6 / made.seconds).toFixed(1)} MB/s, peak ${made.peak_rss_mb.toFixed(0)} MiB`,
      );
      for (let round = 1; round <= rounds; round++) {
        const read = child("read", spec);
        console.log(
          `  round ${round}  batches of 32 x 1,025 in random order: ${(read.tokens_per_second / 1e6).toFixed(0)}M tokens/s, peak ${read.peak_rss_mb.toFixed(0)} MiB`,
        );
      }
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  },
};

/** Documents of made-up words, the common ones more often. */
function madeUp() {
  let state = 1;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const word = () => `word${Math.floor(20_000 * next() ** 3)}`;
  const document = () => JSON.stringify({ text: Array.from({ length: 350 }, word).join(" ") });
  return gzipSync(`${Array.from({ length: 1000 }, document).join("\n")}\n`);
}

function child(what, spec) {
  const { status, stdout, error } = spawnSync(process.execPath, [CHILD, what, JSON.stringify(spec)], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) throw new Error(`${what} failed: ${error?.message ?? `exit ${status}`}`);
  return JSON.parse(stdout.trim().split("\n").at(-1));
}
