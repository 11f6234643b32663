/** What a checkpoint says of itself, `checkpoint.json`, and the marker beside it, which vouches for every byte of that. */
import { z } from "zod";
import type { TablePrefix } from "../lib/csv.ts";
import { sha256 } from "../lib/hash.ts";
import { jsonNumbers, jsonText } from "../lib/json.ts";

/** Everything of a checkpoint but its tensors. */
export interface CheckpointFacts {
  /** 1 had no checksums but the tensors'; it is read for one more version. */
  readonly schema: 1 | 2;
  /** The run's identity, the engine and the data it was made with: another one's checkpoint is not taken. */
  readonly run_id: string;
  readonly engine: string;
  readonly data_fingerprint: string;
  /** Steps done. */
  readonly step: number;
  /** Each CSV table as it was, by file name. */
  readonly tables: Readonly<Record<string, TablePrefix>>;
  /** What the training loop keeps between steps beside its tensors: numbers alone, finite or not. */
  readonly loop: unknown;
}

export interface StoredFacts extends CheckpointFacts {
  readonly state_sha256: string;
}

/** A file beside the others and nowhere else. */
const tableName = z.string().regex(/^\w[\w.-]*\.csv$/);
const bytes = z.int().min(0);

const common = {
  run_id: z.string(),
  engine: z.string(),
  data_fingerprint: z.string(),
  step: z.int().min(0),
  loop: z.record(z.string(), z.unknown()).transform(jsonNumbers),
  state_sha256: z.string(),
};
const prefix = z.strictObject({ bytes, sha256: z.string() });
const withoutChecksum = bytes.transform((length): TablePrefix => ({ bytes: length }));

const stored = z.discriminatedUnion("schema", [
  z.object({ schema: z.literal(2), tables: z.record(tableName, prefix), ...common }),
  z.object({ schema: z.literal(1), tables: z.record(tableName, withoutChecksum), ...common }),
]);

/** The texts of the two files. */
export function factsTexts(facts: StoredFacts): { readonly json: string; readonly marker: string } {
  const json = `${jsonText(facts, 2)}\n`;
  return { json, marker: `${sha256(json)}\n` };
}

/** The facts of the folder of `step`, or what is wrong with them. */
export function parseFacts(json: string, marker: string, step: number): StoredFacts | string {
  if (marker !== "" && marker.trim() !== sha256(json)) return "checkpoint.json does not match its checksum";
  let content: unknown;
  try {
    content = JSON.parse(json);
  } catch (error) {
    return `checkpoint.json is not JSON: ${(error as Error).message}`;
  }
  const { schema } = Object(content) as { schema?: unknown };
  if (schema !== 1 && schema !== 2) return `schema ${JSON.stringify(schema)}, expected 2`;
  if (schema === 2 && marker === "") return "COMPLETE has no checksum";
  const { success, data, error } = stored.safeParse(content);
  if (!success) {
    const { path, message } = error.issues[0]!;
    return `checkpoint.json: ${path.join(".")}: ${message}`;
  }
  return data.step === step ? data : `checkpoint.json says step ${data.step}, its folder ${step}`;
}
