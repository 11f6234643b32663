/** C4-shaped JSON lines (`{"text": ...}` per line, .json.gz, .json or .jsonl), named by one glob per split. */
import { statSync } from "node:fs";
import { z } from "zod";
import { EnvironmentError } from "../../lib/errors.ts";
import { sha256, sha256File } from "../../lib/hash.ts";
import { type OnBadLine, readJsonLines } from "../json-lines.ts";
import { splitFiles } from "../local-files.ts";
import { jsonLinesPart } from "../part-of-file.ts";
import {
  type DataContext,
  type Document,
  type DocumentSource,
  defineSource,
  type SourceParts,
  type Split,
} from "../source.ts";

export const c4 = defineSource({
  summary: "C4-shaped JSON lines, gzipped or not, by glob",
  yields: "documents",
  params: z.strictObject({
    train: z.string().min(1),
    validation: z.string().min(1),
    /** Read at most this many documents of each split; the rest of the files is left alone. */
    max_documents: z.int().min(1).optional(),
    /** A line that is no document: stop there, or count it and go on. */
    on_bad_line: z.enum(["fail", "skip"]).optional(),
  }),
  async open(params, ctx): Promise<DocumentSource> {
    const files = splitFiles(params, ctx);
    const contents = {
      train: await hashesOf(files.train, ctx.onProgress),
      validation: await hashesOf(files.validation, ctx.onProgress),
    };
    const limit = params.max_documents ?? Number.POSITIVE_INFINITY;
    const onBadLine = params.on_bad_line ?? "fail";
    return {
      yields: "documents",
      label: `c4 (${params.train}, ${params.validation}${limit < Number.POSITIVE_INFINITY ? `, first ${limit}` : ""})`,
      identity: `c4/1 max=${limit} files=${sha256(JSON.stringify(contents))}${onBadLine === "skip" ? " skip" : ""}`,
      inputBytes: (split) => files[split].reduce((sum, path) => sum + statSync(path).size, 0),
      documents: (split) => firstDocuments(files[split], limit, onBadLine),
    };
  },
  async parts({ on_bad_line = "fail", max_documents, ...params }, ctx): Promise<SourceParts> {
    const files = splitFiles(params, ctx);
    const parts = (split: Split) => files[split].map((path) => jsonLinesPart(path, on_bad_line));
    return {
      parts: { train: parts("train"), validation: parts("validation") },
      splitRule: "by file",
      ...(max_documents === undefined ? {} : { maxDocuments: max_documents }),
    };
  },
});

async function hashesOf(paths: readonly string[], onProgress: DataContext["onProgress"]): Promise<string[]> {
  const hashes: string[] = [];
  for (const [done, path] of paths.entries()) {
    onProgress?.("checking corpus files", done, paths.length);
    const hash = await sha256File(path).catch((error: Error) => {
      throw new EnvironmentError(`${path}: cannot be read: ${error.message}`);
    });
    hashes.push(hash);
  }
  return hashes;
}

async function* firstDocuments(
  files: readonly string[],
  limit: number,
  onBadLine: OnBadLine,
): AsyncIterable<Document> {
  let documents = 0;
  let before = 0;
  for (const path of files) {
    for await (const document of readJsonLines(path, { onBadLine })) {
      if (document.skipped === undefined && documents++ === limit) return;
      yield { ...document, consumed: before + document.consumed };
    }
    before += statSync(path).size;
  }
}
