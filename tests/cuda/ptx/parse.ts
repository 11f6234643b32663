/** PTX as text -> its kernels as statements. Knows the forms that nvcc writes (PTX ISA 9.0), and no instruction by name. */

export type Space = "shared" | "local" | "const" | "global";

/** `.shared .align 16 .b8 tile[64];` `values`: as they stand in the text. */
export interface Variable {
  readonly space: Space;
  readonly name: string;
  readonly align: number;
  /** Of an element. */
  readonly bits: number;
  readonly count: number;
  readonly values?: string;
}

/** `bytes`: of a struct; a scalar has a type. */
export interface Parameter {
  readonly name: string;
  readonly type: string;
  readonly align: number;
  readonly bytes?: number;
}

export interface Instruction {
  /** `@!%p1`: "!%p1". */
  readonly guard?: string;
  /** `ld`, `global`, `v4`, `f32`. */
  readonly parts: readonly string[];
  readonly operands: readonly string[];
  readonly text: string;
}

export type Statement =
  | { readonly kind: "label"; readonly name: string }
  | { readonly kind: "brace"; readonly sign: string }
  | { readonly kind: "registers"; readonly type: string; readonly names: readonly string[] }
  | { readonly kind: "variable"; readonly variable: Variable }
  | { readonly kind: "instruction"; readonly instruction: Instruction };

export interface Entry {
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly body: readonly Statement[];
}

export interface PtxModule {
  /** Of dynamic shared memory. */
  readonly dynamic: readonly string[];
  readonly variables: readonly Variable[];
  readonly entries: readonly Entry[];
}

export function parsePtx(source: string): PtxModule {
  const text = source.replace(/\/\/.*$/gm, "").replace(/\/\*.*?\*\//gs, "");
  const entries: Entry[] = [];
  let outside = "";
  let from = 0;
  for (const found of text.matchAll(/\.visible \.entry (\w+)\(([^)]*)\)([^{]*)\{/g)) {
    const begin = found.index + found[0].length;
    const end = closing(text, begin);
    outside += text.slice(from, found.index);
    from = end + 1;
    const parameters = splitOperands(found[2]!).map(parameter);
    entries.push({ name: found[1]!, parameters, body: statements(text.slice(begin, end)) });
  }
  outside += text.slice(from);
  const lines = outside.split(";").map((line) => line.replace(/\s+/g, " ").trim());
  const dynamic = lines.flatMap((line) => /\.extern \.shared .* (\w+)\[\]$/.exec(line)?.[1] ?? []);
  return { dynamic, variables: lines.flatMap((line) => variable(line) ?? []), entries };
}

/** Where the brace that is open at `from` closes. */
function closing(text: string, from: number): number {
  for (let i = from, depth = 1; i < text.length; i++) {
    if (text[i] === "{") depth++;
    else if (text[i] === "}" && --depth === 0) return i;
  }
  throw new Error("PTX: a brace that does not close");
}

function parameter(text: string): Parameter {
  const form = /^\.param (?:\.align (\d+) )?\.(\w+) (?:\.ptr .*)?(\w+)(?:\[(\d+)\])?$/;
  const found = form.exec(text.replace(/\s+/g, " "));
  if (found === null) throw new Error(`PTX: parameter ${text}`);
  const [, align, type, name, bytes] = found;
  return {
    name: name!,
    type: type!,
    align: Number(align ?? 1),
    ...(bytes === undefined ? {} : { bytes: Number(bytes) }),
  };
}

function variable(line: string): Variable | undefined {
  const form =
    /\.(shared|local|const|global) \.align (\d+) \.b(\d+) (\w+)(?:\[(\d+)\])?(?: = \{?([^}]*)\}?)?$/;
  const found = form.exec(line);
  if (found === null) return undefined;
  const [, space, align, bits, name, count, values] = found;
  return {
    space: space as Space,
    name: name!,
    align: Number(align),
    bits: Number(bits),
    count: Number(count ?? 1),
    ...(values === undefined ? {} : { values }),
  };
}

function statements(body: string): readonly Statement[] {
  const marked = body.replace(/^\s*([$\w]+):/gm, "\u0000$1;");
  return marked
    .split(";")
    .map((line) => line.replace(/\s+/g, " ").trim())
    .flatMap((line) => (line === "" ? [] : statement(line)));
}

function statement(line: string): readonly Statement[] {
  // Scopes, of inline assembly.
  if ("{}".includes(line[0]!)) {
    const rest = line.slice(1).trim();
    return [{ kind: "brace", sign: line[0]! }, ...(rest === "" ? [] : statement(rest))];
  }
  const label = line.indexOf("\u0000");
  if (label === 0) return [{ kind: "label", name: line.slice(1) }];
  if (label > 0) throw new Error(`PTX: a statement before a label: ${line}`);
  const registers = /^\.reg \.(\w+) (.*)$/.exec(line);
  if (registers !== null)
    return [{ kind: "registers", type: registers[1]!, names: splitOperands(registers[2]!).flatMap(each) }];
  if (line.startsWith(".pragma") || line.startsWith(".loc ")) return [];
  const declared = variable(line);
  if (declared !== undefined) return [{ kind: "variable", variable: declared }];
  const found = /^(?:@(!?%\w+) )?([a-z][\w.:]*) ?(.*)$/.exec(line);
  if (found === null) throw new Error(`PTX: ${line}`);
  const [, guard, name, operands] = found;
  const instruction = { parts: name!.split("."), operands: splitOperands(operands!), text: line };
  return [
    { kind: "instruction", instruction: guard === undefined ? instruction : { guard, ...instruction } },
  ];
}

/** `%r<3>`: %r0, %r1, %r2. */
function each(name: string): readonly string[] {
  const many = /^(%\w+)<(\d+)>$/.exec(name);
  return many === null ? [name] : Array.from({ length: Number(many[2]) }, (_, i) => `${many[1]}${i}`);
}

/** At the commas outside of braces and brackets. */
export function splitOperands(text: string): readonly string[] {
  const found: string[] = [];
  let [depth, current] = [0, ""];
  for (const sign of text) {
    if ("{[".includes(sign)) depth++;
    if ("}]".includes(sign)) depth--;
    if (sign === "," && depth === 0) {
      found.push(current.trim());
      current = "";
    } else current += sign;
  }
  return current.trim() === "" ? found : [...found, current.trim()];
}
