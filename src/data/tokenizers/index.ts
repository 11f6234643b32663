/** The tokenizers by their YAML names. */
import type { TokenizerKind } from "../tokenizer.ts";
import { bytes } from "./bytes.ts";
import { gpt2 } from "./gpt2.ts";

export const tokenizers = { bytes, gpt2 } as const satisfies Record<string, TokenizerKind>;
