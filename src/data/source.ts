/**
 * What a corpus source is. Two sorts: one yields documents of text, which a tokenizer then turns into ids; the
 * other draws sequences of ids itself and needs no tokenizer. One file per source in sources/.
 */
import type { z } from "zod";

export type Split = "train" | "validation";

/** What a source may touch beside its own parameters. */
export interface DataContext {
  /** Folder of the YAML file: relative paths start here. */
  readonly baseDir: string;
  /** Second place to look for relative paths (HNORM_DATA_DIR). */
  readonly dataDir?: string;
  /** Where downloads and token files are kept between runs. */
  readonly cacheDir: string;
  /** The environment that npm is started with; the process's own where absent. */
  readonly env?: NodeJS.ProcessEnv;
  readonly onProgress?: (message: string, done?: number, total?: number) => void;
}

export interface CorpusSource<P extends z.ZodType = z.ZodType> {
  /** zod strictObject of the source's YAML parameters, without its `name`. */
  readonly params: P;
  /** One line for `--help` and the README. */
  readonly summary: string;
  /** What it yields. A source of tokens takes no `tokenizer:`. */
  readonly yields: "documents" | "tokens";
  /** Finds and checks the data. Reading it all may wait until it is asked for. */
  open(params: z.output<P>, ctx: DataContext): Promise<OpenSource>;
}

export type OpenSource = DocumentSource | TokenSource;

export interface Document {
  readonly text: string;
  /** Bytes of the split's input read so far, this document included. For progress only. */
  readonly consumed: number;
}

export interface DocumentSource {
  readonly yields: "documents";
  /** For people: which corpus this is. */
  readonly label: string;
  /** For the fingerprint: contents and split rule, so the same on every machine. Never a path or a time. */
  readonly identity: string;
  /** Bytes of input that `documents` reads for a split. */
  inputBytes(split: Split): number;
  /** The documents of a split, in an order that never changes. Empty ones come too: the caller counts them. */
  documents(split: Split): AsyncIterable<Document> | Iterable<Document>;
}

export interface TokenSource {
  readonly yields: "tokens";
  readonly label: string;
  readonly identity: string;
  readonly vocabSize: number;
  /** Sequences in the validation set where nothing else bounds it. */
  readonly validationSequences: number;
  /** The seed of the validation set: a property of the source, so that all runs are judged on the same one. */
  readonly validationSeed: number;
  /** `length` ids: a pure function of its arguments, and a longer one begins with the shorter. */
  sequence(seed: number, split: Split, index: number, length: number): Int32Array;
  /** Nats that the best possible predictor pays for ids 1.. of a sequence, knowing the source but not its draw. */
  optimalNats(sequence: Int32Array): number;
  /** Nats per token of the best predictor that sees no context. */
  readonly unigramNats: number;
}

/** Ties a source's `open` to the type of its own parameters. */
export function defineSource<P extends z.ZodType>(source: CorpusSource<P>): CorpusSource<P> {
  return source;
}
