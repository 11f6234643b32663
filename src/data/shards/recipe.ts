/** What decides the bytes of a folder of shards, and whether the folder that is there was made so. */
import { UserError } from "../../lib/errors.ts";
import type { SourceParts } from "../source.ts";
import { dtypeFor } from "./index-file.ts";
import { isUnchanged } from "./ledger.ts";
import { type Manifest, type Recipe, recipeHash, totals } from "./manifest.ts";
import type { Preparation } from "./prepare-part.ts";

export function recipeOf({ tokenizer, source, shardTokens }: Preparation): Recipe {
  const { name, fingerprint, vocabSize, eos, pad } = tokenizer;
  return {
    format: "hnorm-shards/1",
    dtype: dtypeFor(vocabSize),
    tokenizer: { name, fingerprint, vocab_size: vocabSize, eos, pad: pad ?? null },
    eos_placement: "end of every document",
    split_rule: source.splitRule,
    max_documents: source.maxDocuments ?? null,
    shard_tokens: shardTokens,
  };
}

/** A finished folder may be checked or grow, but not become another corpus under the same name. */
export function requireSameRecipe(
  folder: string,
  before: Manifest,
  recipe: Recipe,
  source: SourceParts,
): void {
  const refuse = (what: string): never => {
    throw new UserError(`${folder}: holds ${what}; choose another \`out\`, or delete the folder`);
  };
  if (before.tokenizer.fingerprint !== recipe.tokenizer.fingerprint)
    refuse(`shards made with another tokenizer (${before.tokenizer.name})`);
  if (recipeHash(before) !== recipeHash(recipe)) refuse("shards made with other settings");
  for (const split of ["train", "validation"] as const)
    for (const [index, { name }] of before[split].entries())
      if (source.parts[split][index]?.name !== name) refuse(`shards of other files (${name} for ${split})`);
}

/** Whether a finished folder has all that is asked for, made of files that are still what they were. */
export async function isCurrent(folder: string, before: Manifest, source: SourceParts): Promise<boolean> {
  for (const split of ["train", "validation"] as const) {
    const parts = source.parts[split];
    const { documents, emptyDocuments } = totals(before[split]);
    const enough = source.maxDocuments !== undefined && documents + emptyDocuments >= source.maxDocuments;
    if (before[split].length < parts.length && !enough) return false;
    for (const [index, entry] of before[split].entries())
      if (!(await isUnchanged(folder, entry, parts[index]!))) return false;
  }
  return true;
}
