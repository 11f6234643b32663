/** A run's config from `key=value` words alone, without a file. */

import { COMMAND_LINE, commandLine, type Diagnostic, throwDiagnostics } from "./diagnostics.ts";
import { resolveTree } from "./load.ts";
import { assign, type Mapping } from "./located.ts";
import { isOverride, parseOverride } from "./overrides.ts";
import type { RunConfig } from "./schema.ts";

/** Later words win. Throws a UserError that lists every mistake. */
export function configOf(overrides: readonly string[]): RunConfig {
  const parsed = overrides.map(parseOverride);
  const diagnostics = parsed.filter((p): p is Diagnostic => !isOverride(p));
  const place = { source: COMMAND_LINE, line: 0, column: 0 };
  let tree: Mapping = { kind: "mapping", place, entries: new Map() };
  for (const { key, path, values, written } of parsed.filter(isOverride)) {
    if (values.length > 1)
      diagnostics.push({ place: commandLine(written), key, message: "expected one value, got several" });
    else tree = assign(tree, path, { place: values[0]!.place, value: values[0]! });
  }
  const { config, diagnostics: more } = resolveTree(tree);
  throwDiagnostics([...diagnostics, ...more]);
  return config as RunConfig;
}
