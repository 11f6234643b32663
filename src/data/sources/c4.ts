/**
 * C4-shaped JSON lines (`{"text": ...}` per line, .json.gz, .json or .jsonl), named by one pattern per split: files of
 * this disk, or of a dataset on the hub.
 */
import { statSync } from "node:fs";
import { z } from "zod";
import { EnvironmentError } from "../../lib/errors.ts";
import { fileKey } from "../../lib/file-hash.ts";
import { sha256 } from "../../lib/hash.ts";
import { type CorpusFile, corpusFiles, patternError, requireLocalFiles } from "../corpus-files.ts";
import { type OnBadLine, readJsonLines } from "../json-lines.ts";
import { jsonLinesPart } from "../part-of-file.ts";
import {
  type DataContext,
  type Document,
  type DocumentSource,
  defineSource,
  type PartReading,
  type SourcePart,
  type SourceParts,
  type Split,
} from "../source.ts";

/** A glob, or `hf://datasets/OWNER/NAME[@REVISION]/PATH` with ranges such as {00000..00003}. */
const pattern = z
  .string()
  .min(1)
  .superRefine((text, ctx) => {
    const message = patternError(text);
    if (message !== undefined) ctx.addIssue({ code: "custom", message });
  });

export const c4 = defineSource({
  summary: "C4-shaped JSON lines, gzipped or not, by glob or from the hub",
  yields: "documents",
  params: z.strictObject({
    train: pattern,
    validation: pattern,
    /** Read at most this many documents of each split; the rest of the files is left alone. */
    max_documents: z.int().min(1).optional(),
    /** A line that is no document: stop there, or count it and go on. */
    on_bad_line: z.enum(["fail", "skip"]).optional(),
  }),
  requireFiles: requireLocalFiles,
  async open(params, ctx): Promise<DocumentSource> {
    const files = await corpusFiles(params, ctx);
    const contents = {
      train: await checksumsOf(files.train, ctx.onProgress),
      validation: await checksumsOf(files.validation, ctx.onProgress),
    };
    const splits = ["train", "validation"] as const;
    const hashed = new Map(
      splits.flatMap((split) => files[split].map((file, i) => [file, contents[split][i]!] as const)),
    );
    const limit = params.max_documents ?? Number.POSITIVE_INFINITY;
    const onBadLine = params.on_bad_line ?? "fail";
    const cut =
      prefixOf(onBadLine, params.max_documents) !== undefined && Object.values(files).flat().some(cuttable);
    const marks = `${onBadLine === "skip" ? " skip" : ""}${cut ? " prefix" : ""}`;
    const patterns = [params.train, params.validation].filter((text) => text !== undefined).join(", ");
    const first = limit < Number.POSITIVE_INFINITY ? `, first ${limit}` : "";
    return {
      yields: "documents",
      label: `c4 (${patterns}${first}${cut ? ", prefix" : ""})`,
      identity: `c4/1 max=${limit} files=${sha256(JSON.stringify(contents))}${marks}`,
      inputBytes: (split) => files[split].reduce((sum, { bytes }) => sum + bytes, 0),
      documents: (split) => firstDocuments(files[split], limit, onBadLine, hashed),
    };
  },
  async parts({ on_bad_line = "fail", max_documents, ...params }, ctx): Promise<SourceParts> {
    const files = await corpusFiles(params, ctx);
    const parts = (split: Split) => files[split].map((file) => partOf(file, on_bad_line, max_documents));
    return {
      parts: { train: parts("train"), validation: parts("validation") },
      splitRule: "by file",
      ...(max_documents === undefined ? {} : { maxDocuments: max_documents }),
    };
  },
});

const cuttable = (file: CorpusFile): boolean => file.cuttable;

/** How many lines of a file are sure to hold so many documents; unknown where some may be skipped. */
const prefixOf = (onBadLine: OnBadLine, documents: number | undefined): number | undefined =>
  onBadLine === "skip" ? undefined : documents;

async function checksumsOf(
  files: readonly CorpusFile[],
  onProgress: DataContext["onProgress"],
): Promise<string[]> {
  const checksums: string[] = [];
  for (const [done, file] of files.entries()) {
    onProgress?.("checking corpus files", done, files.length);
    checksums.push(await file.checksum());
  }
  return checksums;
}

/** Fetched, where it has to be, when it is read. Of a beginning there is no checksum. */
function partOf(file: CorpusFile, onBadLine: OnBadLine, limit: number | undefined): SourcePart {
  return {
    name: file.name,
    bytes: file.bytes,
    stamp: file.stamp,
    ...(file.cuttable ? {} : { checksum: file.checksum }),
    read() {
      const prefix = prefixOf(onBadLine, limit);
      const cut = file.cuttable && prefix !== undefined;
      let reading: PartReading | undefined;
      async function* documents(): AsyncIterable<Document> {
        const path = await file.local(prefix);
        reading = jsonLinesPart(path, onBadLine).read();
        yield* reading.documents;
        const [got, { expected = got }] = [reading.sha256(), file];
        if (got !== expected && !cut)
          throw new EnvironmentError(`${path}: damaged: sha256 ${got}, expected ${expected}, as published`);
      }
      return { documents: documents(), sha256: () => (cut ? null : (reading?.sha256() ?? null)) };
    },
  };
}

const changed = (path: string) =>
  new EnvironmentError(`${path}: changed since its checksum was taken; start again`);

async function* firstDocuments(
  files: readonly CorpusFile[],
  limit: number,
  onBadLine: OnBadLine,
  /** What the corpus is known by: a file that is another one by now must not be read under its name. */
  hashed: ReadonlyMap<CorpusFile, string>,
): AsyncIterable<Document> {
  let documents = 0;
  let before = 0;
  for (const file of files) {
    const left = limit - documents;
    if (left === 0) return;
    const path = await file.local(prefixOf(onBadLine, left === Number.POSITIVE_INFINITY ? undefined : left));
    const key = file.cuttable ? undefined : await fileKey(path);
    if (key !== undefined && (await file.checksum()) !== hashed.get(file)) throw changed(path);
    for await (const document of readJsonLines(path, { onBadLine })) {
      if (document.skipped === undefined && documents++ === limit) return;
      yield { ...document, consumed: before + document.consumed };
    }
    if (key !== undefined && (await fileKey(path)) !== key) throw changed(path);
    before += statSync(path).size;
  }
}
