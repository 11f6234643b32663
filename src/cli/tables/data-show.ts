/** What `hnorm data show` prints. */
import { dataSchema } from "../../data/schema.ts";
import {
  type DecodedWindow,
  decodeWindows,
  lengthHistogram,
  splitLengths,
} from "../../data/shards/inspect.ts";
import { readManifest, shardsOf, totals } from "../../data/shards/manifest.ts";
import { openFolder, openPair } from "../../data/shards/open.ts";
import { shardSequence } from "../../data/shards/shard-sequence.ts";
import { vocabularyFrom } from "../../data/shards/vocabulary-file.ts";
import type { Split, Vocabulary } from "../../data/source.ts";
import { loadTokenizer } from "../../data/tokenizers/index.ts";
import { UserError } from "../../lib/errors.ts";
import { count } from "../../lib/format.ts";
import { table } from "../../lib/table.ts";
import { dataContext } from "../../local/folders.ts";
import { parseYamlOption } from "../options/parse-yaml-option.ts";

export interface ShowOptions {
  readonly count: number;
  readonly length: number;
  readonly json: boolean;
  readonly tokenizer: string | undefined;
}

interface Shown {
  readonly split: string;
  readonly facts: Readonly<Record<string, number>>;
  readonly lengths: readonly Int32Array[];
  readonly samples: readonly DecodedWindow[];
  readonly files: readonly { readonly file: string; readonly tokens: number; readonly sha256?: string }[];
}

export async function showFolder(folder: string, how: ShowOptions): Promise<string> {
  const manifest = (await readManifest(folder))!;
  const { splits, meaning } = await openFolder(folder, folder);
  const shown = async (split: Split): Promise<Shown> => ({
    split,
    facts: totals(manifest[split]),
    lengths: await splitLengths(folder, manifest, split),
    samples: decodeWindows(splits[split].tokens, how, meaning?.vocabulary),
    files: shardsOf(manifest, split).map(({ file, tokens, bin }) => ({ file, tokens, sha256: bin.sha256 })),
  });
  const { fingerprint, tokenizer, dtype, max_documents, split_rule, tool } = manifest;
  const head = { folder, fingerprint, tokenizer, dtype, split_rule, max_documents, tool };
  return rendered(head, [await shown("train"), await shown("validation")], how);
}

export async function showPair(stem: string, how: ShowOptions): Promise<string> {
  const { index, bin } = await openPair(stem);
  const vocabulary = how.tokenizer === undefined ? undefined : await vocabularyNamed(how.tokenizer);
  const ids = shardSequence([{ path: bin, tokens: index.tokens }], index.dtype);
  const { tokens, documents, dtype } = index;
  return rendered(
    { pair: stem, dtype },
    [
      {
        split: "pair",
        facts: { tokens, documents },
        lengths: [index.lengths],
        samples: decodeWindows(ids, how, vocabulary),
        files: [{ file: stem, tokens }],
      },
    ],
    how,
  );
}

async function vocabularyNamed(yaml: string): Promise<Vocabulary> {
  const parsed = dataSchema.safeParse({
    source: { name: "shards", path: "." },
    tokenizer: parseYamlOption("--tokenizer", yaml),
  });
  const spec = parsed.data?.tokenizer;
  if (spec === undefined)
    throw new UserError(`--tokenizer: ${parsed.error?.issues[0]?.message ?? "missing"}`);
  return vocabularyFrom(await loadTokenizer(spec, dataContext("./x")));
}

function rendered(
  head: Readonly<Record<string, unknown>>,
  splits: readonly Shown[],
  { json }: ShowOptions,
): string {
  if (json) {
    const plain = splits.map(({ lengths, samples, ...rest }) => ({
      ...rest,
      lengths: lengthHistogram(lengths),
      windows: samples.map(({ start, ids, text }) => ({
        start,
        ids: [...ids],
        ...(text === undefined ? {} : { text }),
      })),
    }));
    return JSON.stringify({ ...head, splits: plain }, null, 2);
  }
  const facts = Object.entries(head).map(
    ([key, value]) => `${key.padEnd(14)}${typeof value === "object" ? JSON.stringify(value) : value}`,
  );
  return [...facts, ...splits.flatMap(section)].join("\n");
}

function section({ split, facts, lengths, samples, files }: Shown): readonly string[] {
  const counts = Object.entries(facts).map(([key, value]) => `${value} ${words(key)}`);
  const histogram = lengthHistogram(lengths);
  const most = Math.max(1, ...histogram.map(({ documents }) => documents));
  return [
    "",
    `${split}: ${counts.join(", ")}`,
    table(files, [
      { title: "shard", text: ({ file }) => file, align: "left" },
      { title: "tokens", text: ({ tokens }) => String(tokens) },
      { title: "sha256 of .bin", text: ({ sha256 }) => sha256 ?? "-", align: "left" },
    ]),
    "",
    table(histogram, [
      { title: "tokens from", text: ({ from }) => String(from) },
      { title: "documents", text: ({ documents }) => count(documents) },
      { title: "", text: ({ documents }) => "#".repeat(Math.round((40 * documents) / most)), align: "left" },
    ]),
    ...samples.flatMap(({ start, ids, text }) => [
      "",
      `at token ${start}:`,
      text === undefined ? ids.join(" ") : JSON.stringify(text),
    ]),
  ];
}

/** utf8Bytes -> utf8 bytes. */
const words = (key: string): string => key.replace(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`);
