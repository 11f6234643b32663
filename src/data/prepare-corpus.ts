/** What a preparation works on, opened: the files of a source, the tokenizer, and the threads that encode. */
import { availableParallelism } from "node:os";
import { UserError } from "../lib/errors.ts";
import { sha256 } from "../lib/hash.ts";
import { type Encoder, localEncoder } from "./encode/encoder.ts";
import { encoderPool } from "./encode/pool.ts";
import type { DataSpec } from "./schema.ts";
import type { CorpusSource, DataContext, DocumentSource, SourcePart, SourceParts, Split } from "./source.ts";
import { sources } from "./sources/index.ts";
import { placesOf, type Tokenizer } from "./tokenizer.ts";
import { loadTokenizer } from "./tokenizers/index.ts";

export interface OpenPreparation {
  readonly source: SourceParts;
  readonly tokenizer: Tokenizer;
  readonly encoder: Encoder;
}

export async function openPreparation(spec: DataSpec, ctx: DataContext): Promise<OpenPreparation> {
  const { name, ...params } = spec.source;
  const kind = sources[name] as CorpusSource;
  if (kind.yields !== "documents" || spec.tokenizer === undefined)
    throw new UserError(`data.source: ${name} yields no documents: nothing to prepare`);
  const source =
    kind.parts === undefined ? await wholeSplits(kind, params, ctx) : await kind.parts(params, ctx);
  const tokenizer = await loadTokenizer(spec.tokenizer, ctx);
  const workers = ctx.workers ?? availableParallelism();
  const encoder =
    workers === 0
      ? localEncoder(tokenizer)
      : encoderPool({ tokenizer: spec.tokenizer, places: placesOf(ctx) }, workers);
  return { source, tokenizer, encoder };
}

/** A source that does not lie in files: each split is one part. */
async function wholeSplits(kind: CorpusSource, params: object, ctx: DataContext): Promise<SourceParts> {
  const opened = (await kind.open(params, ctx)) as DocumentSource;
  const stamp = sha256(opened.identity);
  const part = (split: Split): readonly SourcePart[] => [
    {
      name: split,
      bytes: opened.inputBytes(split),
      stamp: async () => stamp,
      read: () => ({ documents: inTurn(opened.documents(split)), sha256: () => null }),
    },
  ];
  return { parts: { train: part("train"), validation: part("validation") }, splitRule: opened.identity };
}

async function* inTurn<T>(items: AsyncIterable<T> | Iterable<T>): AsyncIterable<T> {
  yield* items;
}
