/** Plain UTF-8 text files, one document each, named by one glob per split. */
import { z } from "zod";
import { sha256 } from "../../lib/hash.ts";
import { decodeUtf8, inOrder, readBytes, utf8Bytes } from "../documents.ts";
import { splitFiles } from "../local-files.ts";
import { type DocumentSource, defineSource } from "../source.ts";

export const text = defineSource({
  summary: "plain text files by glob, one document each",
  yields: "documents",
  params: z.strictObject({ train: z.string().min(1), validation: z.string().min(1) }),
  requireFiles: splitFiles,
  async open(params, ctx): Promise<DocumentSource> {
    const files = splitFiles(params, ctx);
    const texts = { train: await readTexts(files.train), validation: await readTexts(files.validation) };
    const hashes = [...texts.train.map((t) => sha256(t)), "|", ...texts.validation.map((t) => sha256(t))];
    return {
      yields: "documents",
      label: `text (${[params.train, params.validation].filter((text) => text !== undefined).join(", ")})`,
      identity: `text/1 files=${sha256(hashes.join("\n"))}`,
      inputBytes: (split) => utf8Bytes(texts[split]),
      documents: (split) => inOrder(texts[split]),
    };
  },
});

async function readTexts(paths: readonly string[]): Promise<readonly string[]> {
  const texts: string[] = [];
  for (const path of paths) texts.push(decodeUtf8(await readBytes(path), path));
  return texts;
}
