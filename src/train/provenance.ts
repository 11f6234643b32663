/** Where a run's numbers come from: code, machine, data, seeds. */
import { execFile } from "node:child_process";
import { cpus, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { ChosenEngine } from "../backends/registry.ts";
import type { RunConfig } from "../config/schema.ts";
import type { Corpus } from "../data/corpus.ts";
import { sha256 } from "../lib/hash.ts";
import { packageVersion } from "../lib/package-version.ts";
import { natsPerToken } from "../runs/provenance.ts";
import type { EvaluationSet } from "./evaluation-sets.ts";

/** Batches whose contents are pinned by a hash. */
const HASHED_BATCHES = 3;

/** Where the data were found, which belongs to no run's identity, and what the run is evaluated on. */
interface Places {
  readonly baseDir: string;
  readonly sets: readonly EvaluationSet[];
  /** The words after `hnorm`. */
  readonly command: readonly string[];
}

export interface Provenance extends Readonly<Record<string, unknown>> {
  readonly validation: Readonly<Record<string, unknown>> & {
    /** What the training split's token frequencies cost on it, nats per token. */
    readonly unigram_loss: number;
    readonly sha256: string;
  };
}

export async function provenance(
  config: RunConfig,
  corpus: Corpus,
  chosen: ChosenEngine,
  { baseDir, sets, command }: Places,
): Promise<Provenance> {
  const { model, train } = config;
  const batches = corpus.train(model.seq_len, train.seed);
  const first = Array.from({ length: Math.min(HASHED_BATCHES, train.steps) }, (_, k) => {
    const ids = batches.batch(k, train.batch_size);
    return new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength);
  });
  const validation = corpus.validation(model.seq_len, config.eval.tokens);
  return {
    hnorm: packageVersion(),
    git: await gitState(),
    argv: command,
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    cpu: cpus()[0]?.model ?? "unknown",
    cpus: cpus().length,
    memory_bytes: totalmem(),
    engine: { name: chosen.name, detail: chosen.detail },
    seed: train.seed,
    data: corpus.describe(),
    /** Relative paths of the config start here: `hnorm eval` reads it. */
    data_base_dir: baseDir,
    first_batches_sha256: sha256(...first),
    validation: {
      sha256: validation.sha256,
      tokens: validation.tokens,
      utf8_bytes: validation.utf8Bytes,
      unigram_bits_per_byte: validation.unigramBitsPerByte,
      unigram_loss: natsPerToken(validation.unigramBitsPerByte, validation.utf8Bytes, validation.tokens),
      ...(validation.optimalLoss === undefined ? {} : { optimal_loss: validation.optimalLoss }),
    },
    evaluation_sets: sets.map(
      ({ split, protocol, slice: { sha256, tokens, utf8Bytes }, corpus: { fingerprint } }) => ({
        split,
        protocol,
        sha256,
        tokens,
        utf8_bytes: utf8Bytes,
        data_fingerprint: fingerprint,
      }),
    ),
  };
}

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The commit hnorm runs from and whether files differ from it; null outside a git checkout. */
async function gitState(): Promise<{ commit: string; dirty: boolean } | null> {
  const git = (...args: string[]) => promisify(execFile)("git", ["-C", root, ...args]);
  try {
    const commit = (await git("rev-parse", "HEAD")).stdout.trim();
    return { commit, dirty: (await git("status", "--porcelain")).stdout !== "" };
  } catch {
    return null;
  }
}
