/** The corpus sources by their YAML names. */
import type { CorpusSource } from "../source.ts";
import { c4 } from "./c4.ts";
import { markov } from "./markov.ts";
import { npm } from "./npm.ts";
import { shards } from "./shards.ts";
import { text } from "./text.ts";

export const sources = { npm, c4, text, shards, markov } as const satisfies Record<string, CorpusSource>;
