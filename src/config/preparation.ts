/**
 * The config of `hnorm data prepare`: a `data:` section as a training config has it, and where its shards go. A
 * training config serves as well: what else it says is not looked at.
 */
import { z } from "zod";
import { type DataSpec, dataSchema } from "../data/schema.ts";
import { type Diagnostic, throwDiagnostics } from "./diagnostics.ts";
import { diagnosticOf, readConfig, treeOf } from "./load.ts";
import { plain } from "./located.ts";
import { fromZod } from "./resolve.ts";
import { wording } from "./wording.ts";

const prepareSection = z.strictObject({
  /** The folder to be filled. */
  out: z.string().min(1),
  /** Most ids in a file. The default makes files of 1 GB. */
  shard_tokens: z
    .int()
    .min(1)
    .max(2 ** 31 - 1)
    .default(2 ** 29),
});

const sections = { data: dataSchema, prepare: prepareSection } as const;

export interface PreparationConfig {
  readonly data: DataSpec;
  readonly prepare: Readonly<z.output<typeof prepareSection>>;
}

export function loadPreparation(file: string, overrides: readonly string[]): PreparationConfig {
  const config = readConfig(file, overrides);
  const ours = ({ keys }: { readonly keys: readonly string[] }) =>
    keys.some((key) => Object.keys(sections).includes(key.split(".")[0]!));
  const diagnostics: Diagnostic[] = [...config.diagnostics];
  for (const { keys, place } of config.axes.filter(ours))
    diagnostics.push({
      place,
      key: keys.join(", "),
      message: "expected one value, but several are swept here",
    });
  const tree = treeOf(config, []);
  const values = plain(tree) as Record<string, unknown>;
  const parsed: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(sections)) {
    const result = schema.safeParse(values[name], { error: wording, reportInput: true });
    if (result.success) parsed[name] = result.data;
    else
      diagnostics.push(
        ...result.error.issues.flatMap((issue) => fromZod(name, issue)).map((i) => diagnosticOf(tree, i)),
      );
  }
  throwDiagnostics(diagnostics);
  return parsed as unknown as PreparationConfig;
}
