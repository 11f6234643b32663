/** Diagnostics of a config: what is wrong and where, collected until all are known and thrown as one error of a line each. */
import { UserError } from "../lib/errors.ts";
import type { Path, SourceLocation } from "./located.ts";

export interface Diagnostic {
  readonly place: SourceLocation;
  /** What is wrong with which key: `train.lr`. Empty: the file as a whole. */
  readonly key: string;
  readonly message: string;
}

/** `["train", "no_decay", 0]` -> `train.no_decay[0]`. */
export function keyText(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    return text === "" ? part : `${text}.${part}`;
  }, "");
}

/** `configs/x.yaml:12:5 train.lr: expected ...`, or `command line: train.lr=fast: expected ...`. */
export function diagnosticText({ place, key, message }: Diagnostic): string {
  if (place.line > 0)
    return `${place.source}:${place.line}:${place.column} ${key === "" ? "" : `${key}: `}${message}`;
  const said = key === "" || place.source.startsWith(`${COMMAND_LINE}: ${key}=`);
  return `${place.source}: ${said ? "" : `${key}: `}${message}`;
}

export const COMMAND_LINE = "command line";

/** The place of an override as it was written. */
export const commandLine = (written: string): SourceLocation => ({
  source: `${COMMAND_LINE}: ${written}`,
  line: 0,
  column: 0,
});

/** Throws if there are any: each once, files in the order of their first mistake, from top to bottom, flags last. */
export function throwDiagnostics(diagnostics: readonly Diagnostic[]): void {
  if (diagnostics.length === 0) return;
  const sources = [...new Set(diagnostics.map((m) => m.place.source))];
  const rank = ({ place }: Diagnostic) => [
    place.line === 0 ? 1 : 0,
    sources.indexOf(place.source),
    place.line,
    place.column,
  ];
  const ordered = [...diagnostics].sort((a, b) => {
    const [x, y] = [rank(a), rank(b)];
    const i = x.findIndex((value, at) => value !== y[at]);
    return i < 0 ? 0 : x[i]! - y[i]!;
  });
  throw new UserError([...new Set(ordered.map(diagnosticText))].join("\n"));
}
