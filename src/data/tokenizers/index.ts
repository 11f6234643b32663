/** The tokenizers by their YAML names. */
import type { TokenizerSpec } from "../schema.ts";
import type { FilePlaces, Tokenizer, TokenizerKind } from "../tokenizer.ts";
import { bytes } from "./bytes.ts";
import { gpt2 } from "./gpt2.ts";
import { json } from "./json.ts";

export const tokenizers = { bytes, gpt2, json } as const satisfies Record<string, TokenizerKind>;

/** The tokenizer that a `tokenizer:` section names. */
export function loadTokenizer({ name, ...params }: TokenizerSpec, places?: FilePlaces): Promise<Tokenizer> {
  return (tokenizers[name] as TokenizerKind).load(params, places);
}
