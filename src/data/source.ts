/**
 * What a corpus source is. Three sorts: one yields documents of text, which a tokenizer then turns into ids; one
 * draws sequences of ids itself; one opens ids that were prepared before. One file per source in sources/.
 */
import type { z } from "zod";
import type { TokenSequence } from "./token-sequence.ts";

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
  /** Threads that tokenize beside this one; 0 for none. Default: one per processor. */
  readonly workers?: number;
  readonly onProgress?: (message: string, done?: number, total?: number) => void;
}

export interface CorpusSource<P extends z.ZodType = z.ZodType> {
  /** zod strictObject of the source's YAML parameters, without its `name`. */
  readonly params: P;
  /** One line for `--help` and the README. */
  readonly summary: string;
  /** What it yields. A source of tokens takes no `tokenizer:`; with prepared ids it may say what they mean. */
  readonly yields: "documents" | "tokens" | "prepared";
  /** Finds and checks the data. Reading it all may wait until it is asked for. */
  open(params: z.output<P>, ctx: DataContext): Promise<OpenSource>;
  /** Throws what `open` would where files that belong on this disk are not there. Reads none of them and asks no one. */
  requireFiles?(params: z.output<P>, ctx: DataContext): void;
  /** A source of documents that lies in files: each by itself, not yet read. For `prepare`, which reads them once. */
  parts?(params: z.output<P>, ctx: DataContext): Promise<SourceParts>;
}

export type OpenSource = DocumentSource | TokenSource | PreparedSource;

export interface Document {
  readonly text: string;
  /** Bytes of the split's input read so far, this document included. For progress only. */
  readonly consumed: number;
  /** No document but a line that holds none and that the source was told to skip: where, and what is wrong. */
  readonly skipped?: string;
}

/** The files of a source of documents. */
export interface SourceParts {
  readonly parts: Readonly<Record<Split, readonly SourcePart[]>>;
  /** How documents came to be in their split. */
  readonly splitRule: string;
  /** Only so many documents of each split are wanted. */
  readonly maxDocuments?: number;
}

/** A file of documents, or another piece that is read as a whole. */
export interface SourcePart {
  /** The same on every machine: a file's name, not its path. */
  readonly name: string;
  /** Bytes of input. */
  readonly bytes: number;
  /** Changes with the contents, but costs no reading of them all. */
  stamp(): Promise<string>;
  /** sha256 of them all, where they lie in a file of this disk: remembered as long as nobody writes to it. */
  checksum?(): Promise<string>;
  /** One reading of it. */
  read(): PartReading;
}

export interface PartReading {
  readonly documents: AsyncIterable<Document>;
  /** sha256 of the input, once the last document was given; null before. */
  sha256(): string | null;
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

/** Ids that were made before: two rows, and what they mean. */
export interface PreparedSource {
  readonly yields: "prepared";
  readonly label: string;
  /** Equal only where every id is, and what it means where that is known. */
  readonly fingerprint: string;
  readonly splits: Readonly<Record<Split, PreparedSplit>>;
  /** Validation documents that stand in the training split too, where that was looked for. */
  readonly validationInTraining?: number;
  /** Absent for bare ids: then the tokenizer beside the source says what they mean. */
  readonly meaning?: {
    readonly vocabulary: Vocabulary;
    /** How often each id occurs in the training split. */
    readonly trainCounts: ArrayLike<number>;
  };
}

export interface PreparedSplit {
  readonly tokens: TokenSequence;
  /** Ids of every document, its end token included where it has one, as the index has them. Read when asked for. */
  readonly documentLengths: () => ArrayLike<number>;
  readonly documents: number;
  readonly emptyDocuments: number;
  readonly skippedLines: number;
  /** Of the documents' text, where it was counted. */
  readonly utf8Bytes?: number;
}

/** What ids mean, without the tokenizer that made them. */
export interface Vocabulary {
  /** The tokenizer's name and fingerprint. */
  readonly tokenizer: string;
  readonly fingerprint: string;
  readonly size: number;
  readonly eos: number;
  /** The UTF-8 bytes each id stands for; none for `eos`. */
  readonly bytesOf: (id: number) => Uint8Array;
  readonly byteLengths: Uint32Array;
}

/** Ties a source's `open` to the type of its own parameters. */
export function defineSource<P extends z.ZodType>(source: CorpusSource<P>): CorpusSource<P> {
  return source;
}
