/** What a `tokenizer.json` says, as far as it is read here. Its shape is that of the Hugging Face tokenizers library. */
import { readFile } from "node:fs/promises";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { EnvironmentError, UserError } from "../../lib/errors.ts";
import { sha256 } from "../../lib/hash.ts";
import { strictJson } from "../../lib/strict-json.ts";
import { decodeUtf8 } from "../documents.ts";
import type { FilePlaces } from "../tokenizer.ts";
import { shown } from "./unsupported.ts";

export interface Added {
  readonly id: number;
  readonly content: string;
  readonly single_word: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized: boolean;
  readonly special: boolean;
}

/** A part of the pipeline: its `type` and what belongs to it. */
export type Component = { readonly type: string } & Readonly<Record<string, unknown>>;

export interface TokenizerJson {
  readonly added_tokens: readonly Added[];
  readonly normalizer: Component | null;
  readonly pre_tokenizer: Component | null;
  readonly post_processor: Component | null;
  readonly model: Component;
  readonly padding: { readonly pad_id?: number } | null;
}

export interface TokenizerFile {
  readonly path: string;
  readonly sha256: string;
  readonly json: TokenizerJson;
  /** `tokenizer_config.json` beside it, where there is one. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** Relative paths are looked up beside the config first, then in the data folder. */
export async function readTokenizerFile(
  file: string,
  places: FilePlaces | undefined,
): Promise<TokenizerFile> {
  const folders = [places?.baseDir ?? ".", ...(places?.dataDir === undefined ? [] : [places.dataDir])];
  const candidates = isAbsolute(file) ? [file] : folders.map((folder) => resolve(folder, file));
  for (const path of candidates) {
    const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
      throw new EnvironmentError(`data.tokenizer.file: ${path}: cannot be read: ${error.message}`);
    });
    if (bytes === undefined) continue;
    return {
      path,
      sha256: sha256(bytes),
      json: parsed(path, decodeUtf8(bytes, `data.tokenizer.file: ${path}`)),
      config: await readConfig(join(dirname(path), "tokenizer_config.json")),
    };
  }
  throw new EnvironmentError(`data.tokenizer.file: no such file: ${candidates.join(" nor ")}`);
}

/** Of the file beside it, which may not be there. It names the end token, so that a broken one is an error. */
async function readConfig(path: string): Promise<TokenizerFile["config"]> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return "{}";
    throw new EnvironmentError(`data.tokenizer.file: ${path}: cannot be read: ${error.message}`);
  });
  return jsonObject(path, text);
}

function jsonObject(path: string, text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = strictJson(text);
  } catch (error) {
    throw new UserError(`data.tokenizer.file: ${path}: not JSON: ${(error as Error).message}`);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Readonly<Record<string, unknown>>;
  throw new UserError(`data.tokenizer.file: ${path}: expected a JSON object, got ${shown(value)}`);
}

const KEYS = new Set([
  ...["version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer"],
  ...["post_processor", "decoder", "model"],
]);

/** What needs no knowledge of the parts. Throws a UserError that names the file and the part. */
function parsed(path: string, text: string): TokenizerJson {
  const json = jsonObject(path, text);
  const refuse = (what: string): never => {
    throw new UserError(`data.tokenizer.file: ${path}: ${what}`);
  };
  const model = json.model as Component | undefined;
  if (typeof model !== "object" || model === null || model.vocab === undefined)
    return refuse("not a tokenizer.json (it has no model.vocab)");
  const odd = Object.keys(json).find((key) => !KEYS.has(key));
  if (odd !== undefined) refuse(`${odd}: is not supported; supported: ${[...KEYS].join(", ")}`);
  if ((json.truncation ?? null) !== null)
    refuse("truncation: would cut documents and is not supported; supported: null");
  const padding = (json.padding ?? null) as TokenizerJson["padding"] & Record<string, unknown>;
  if (padding !== null && (padding.strategy ?? "BatchLongest") !== "BatchLongest")
    refuse('padding.strategy: would fill documents up and is not supported; supported: "BatchLongest"');
  if (padding !== null && (padding.pad_to_multiple_of ?? null) !== null)
    refuse("padding.pad_to_multiple_of: would fill documents up and is not supported; supported: null");
  const added = json.added_tokens ?? [];
  if (!Array.isArray(added)) refuse(`added_tokens: expected a list, got ${shown(added)}`);
  return {
    normalizer: (json.normalizer ?? null) as Component | null,
    pre_tokenizer: (json.pre_tokenizer ?? null) as Component | null,
    post_processor: (json.post_processor ?? null) as Component | null,
    padding,
    added_tokens: added as readonly Added[],
    model: model.type === undefined && "merges" in model ? { ...model, type: "BPE" } : model,
  };
}

/** Names that end-of-document and padding tokens go by; files seldom say which theirs are. */
const ENDS = ["<|endoftext|>", "</s>", "<|end_of_text|>", "<eos>", "<|eos|>"];
const PADS = ["<pad>", "<|padding|>", "<|pad|>", "[PAD]"];

/** The id of the token that closes a document: the one named, or the one the file or its neighbour points at. */
export function eosOf({ json, config, path }: TokenizerFile, named: string | undefined): number {
  const wanted = named ?? contentOf(config.eos_token) ?? lastOfTemplate(json.post_processor);
  const specials = json.added_tokens.filter(({ special }) => special);
  const found =
    wanted === undefined
      ? specials.filter(({ content }) => ENDS.includes(content))
      : json.added_tokens.filter(({ content }) => content === wanted);
  if (found.length === 1) return found[0]!.id;
  const which =
    wanted === undefined
      ? `${found.length} of its tokens could be the end-of-text token`
      : `it has no token ${JSON.stringify(wanted)}`;
  const choices = specials.slice(0, 12).map(({ content }) => content);
  throw new UserError(
    `data.tokenizer.eos: ${path}: ${which}; name one of its tokens${choices.length > 0 ? `, such as ${choices.join(", ")}` : ""}`,
  );
}

export function padOf({ json, config }: TokenizerFile): number | undefined {
  if (json.padding?.pad_id !== undefined) return json.padding.pad_id;
  const named = contentOf(config.pad_token);
  const names = named === undefined ? PADS : [named];
  return json.added_tokens.find(({ special, content }) => special && names.includes(content))?.id;
}

/** Written as text, or as an object with its content. */
function contentOf(token: unknown): string | undefined {
  const content = (token as { content?: unknown } | null | undefined)?.content ?? token;
  return typeof content === "string" ? content : undefined;
}

/** What a template puts after a single text, such as T5's `</s>`. */
function lastOfTemplate(processor: Component | null): string | undefined {
  if (processor?.type !== "TemplateProcessing") return undefined;
  const single = processor.single as readonly { readonly SpecialToken?: { readonly id?: unknown } }[];
  const id = single.at(-1)?.SpecialToken?.id;
  return typeof id === "string" ? id : undefined;
}
