/** C4-shaped JSON lines (`{"text": ...}` per line, .json.gz, .json or .jsonl), named by one glob per split. */
import { statSync } from "node:fs";
import { z } from "zod";
import { EnvironmentError } from "../../lib/errors.ts";
import { sha256, sha256File } from "../../lib/hash.ts";
import { readJsonLines } from "../json-lines.ts";
import { splitFiles } from "../local-files.ts";
import { type DataContext, type Document, type DocumentSource, defineSource } from "../source.ts";

export const c4 = defineSource({
  summary: "C4-shaped JSON lines, gzipped or not, by glob",
  yields: "documents",
  params: z.strictObject({
    train: z.string().min(1),
    validation: z.string().min(1),
    /** Read at most this many documents of each split; the rest of the files is left alone. */
    max_documents: z.int().min(1).optional(),
  }),
  async open(params, ctx): Promise<DocumentSource> {
    const files = splitFiles(params, ctx);
    const contents = {
      train: await hashesOf(files.train, ctx.onProgress),
      validation: await hashesOf(files.validation, ctx.onProgress),
    };
    const limit = params.max_documents ?? Number.POSITIVE_INFINITY;
    return {
      yields: "documents",
      label: `c4 (${params.train}, ${params.validation}${limit < Number.POSITIVE_INFINITY ? `, first ${limit}` : ""})`,
      identity: `c4/1 max=${limit} files=${sha256(JSON.stringify(contents))}`,
      inputBytes: (split) => files[split].reduce((sum, path) => sum + statSync(path).size, 0),
      documents: (split) => firstDocuments(files[split], limit),
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

async function* firstDocuments(files: readonly string[], limit: number): AsyncIterable<Document> {
  let documents = 0;
  let before = 0;
  for (const path of files) {
    for await (const { text, consumed } of readJsonLines(path)) {
      if (documents++ === limit) return;
      yield { text, consumed: before + consumed };
    }
    before += statSync(path).size;
  }
}
