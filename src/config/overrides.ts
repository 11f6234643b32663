/**
 * `key=value` on the command line. The value is YAML. As in Hydra, a comma list sweeps: `norm=pre,post` is an axis,
 * and so is `norm=[pre, post]`; only a key whose value is itself a list takes one whole. Commas inside quotes,
 * braces or brackets do not count.
 */
import { Lexer } from "yaml";
import { commandLine, type Diagnostic } from "./diagnostics.ts";
import type { Located } from "./located.ts";
import { isPrototype, readYaml } from "./read-yaml.ts";
import { FILE_KEYS, isListKey } from "./schema.ts";

export interface Override {
  readonly key: string;
  readonly path: readonly string[];
  /** One value sets the key; several sweep it. */
  readonly values: readonly Located[];
  readonly written: string;
}

const KEY = /^[\w-]+(\.[\w-]+)*$/;

export function parseOverride(written: string): Override | Diagnostic {
  const place = commandLine(written);
  const problem = (key: string, message: string): Diagnostic => ({ place, key, message });
  const equals = written.indexOf("=");
  if (equals < 0) return problem("", "expected key=value, such as train.lr=0.001");
  const key = written.slice(0, equals).trim();
  const text = written.slice(equals + 1);
  if (!KEY.test(key)) return problem("", `expected a key such as train.lr before the =, got "${key}"`);
  if (key === "extends" || key.startsWith("extends.")) return problem("", "extends belongs in the file");

  if (hasComment(text))
    return problem(key, `a # after a space begins a comment in YAML; quote the value: ${key}='"..."'`);
  const path = key.split(".");
  const prototype = path.find(isPrototype);
  if (prototype !== undefined) return problem("", `${prototype} is not allowed as a key`);
  const plainly = readYaml(text, () => place);
  const single = plainly.tree ?? { kind: "scalar" as const, place, value: null };
  const of = (values: readonly Located[]): Override => ({ key, path, values, written });
  const understood = plainly.diagnostics.length === 0;
  if (understood && !sweepable(key)) return of([single]);
  if (understood && single.kind === "sequence") {
    return single.items.length > 0 ? of(single.items) : problem("", "empty list: nothing to sweep");
  }
  if (!understood || isOpen(single, text)) {
    const listed = readYaml(`[${text}]`, () => place).tree;
    if (listed?.kind === "sequence" && listed.items.length > 1) return of(listed.items);
  }
  return understood ? of([single]) : problem("", plainly.diagnostics[0]!.message);
}

/** Text outside quotes and braces, which a comma divides; `a: 1, b` is one mapping only to YAML. */
const isOpen = (value: Located, text: string): boolean =>
  (value.kind === "scalar" && typeof value.value === "string" && !/^\s*["']/.test(text)) ||
  (value.kind === "mapping" && !/^\s*\{/.test(text));

const hasComment = (text: string): boolean =>
  [...new Lexer().lex(text)].some((token) => token.startsWith("#"));

const sweepable = (key: string): boolean =>
  !isListKey(key) && !FILE_KEYS.some((own) => key === own || key.startsWith(`${own}.`));

export const isOverride = (parsed: Override | Diagnostic): parsed is Override => "values" in parsed;
