/**
 * A WebAssembly assembler of a page: expressions are nested arrays of bytes in stack order, functions name their
 * locals. Encodings: the WebAssembly core specification 2.0, chapter 5.
 */

/** Bytes, however nested. */
export type Code = number | readonly Code[];

const TYPES = { i32: 0x7f, f64: 0x7c, f32: 0x7d, v128: 0x7b } as const;
export type Type = keyof typeof TYPES;

export interface Func {
  readonly name: string;
  readonly type: Code;
  readonly body: Code;
}

/** `body` gets the index of each parameter and local. */
export function func<P extends string, L extends string = never>(
  name: string,
  signature: {
    readonly params: Readonly<Record<P, Type>>;
    readonly locals?: Readonly<Record<L, Type>>;
    readonly result?: Type;
  },
  body: (at: Readonly<Record<P | L, number>>) => Code,
): Func {
  const { params, locals = {} as Record<L, Type>, result } = signature;
  const names = [...Object.keys(params), ...Object.keys(locals)];
  const at = Object.fromEntries(names.map((n, i) => [n, i])) as Record<P | L, number>;
  const code = (types: Readonly<Record<string, Type>>) => Object.values(types).map((t) => TYPES[t]);
  return {
    name,
    type: [0x60, vector(code(params)), vector(result === undefined ? [] : [TYPES[result]])],
    body: sized([vector(code(locals).map((t) => [1, t])), body(at), END]),
  };
}

/** The bytes of a module that imports `env.memory` and exports `functions`. */
export function assemble(functions: readonly Func[]): Uint8Array<ArrayBuffer> {
  const memory = [text("env"), text("memory"), 0x02, 0x00, 1];
  const exports = functions.map(({ name }, i) => [text(name), 0x00, unsigned(i)]);
  return Uint8Array.from(
    flat([
      [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      section(
        1,
        functions.map((f) => f.type),
      ),
      section(2, [memory]),
      section(
        3,
        functions.map((_, i) => unsigned(i)),
      ),
      section(7, exports),
      section(
        10,
        functions.map((f) => f.body),
      ),
    ]),
  );
}

const END = 0x0b;
const flat = (code: Code): number[] => (typeof code === "number" ? [code] : code.flatMap(flat));

/** LEB128. */
export function unsigned(value: number): Code {
  return value < 128 ? [value] : [(value % 128) | 128, unsigned(Math.floor(value / 128))];
}
function signed(value: number): Code {
  return value >= -64 && value < 64 ? [value & 127] : [(value & 127) | 128, signed(value >> 7)];
}

const sized = (code: Code): Code => {
  const bytes = flat(code);
  return [unsigned(bytes.length), bytes];
};
const vector = (items: readonly Code[]): Code => [unsigned(items.length), items];
const text = (name: string): Code => vector([...new TextEncoder().encode(name)]);
const section = (id: number, items: readonly Code[]): Code => [id, sized(vector(items))];

export const get = (local: number): Code => [0x20, unsigned(local)];
export const set = (local: number, value: Code): Code => [value, 0x21, unsigned(local)];
export const i32 = (value: number): Code => [0x41, signed(value)];
export const i32Add = (a: Code, b: Code): Code => [a, b, 0x6a];
export const f64Add = (a: Code, b: Code): Code => [a, b, 0xa0];

/** `body`, again and again as long as `condition` is not zero afterwards. */
export const doWhile = (body: Code, condition: Code): Code => [0x03, 0x40, body, condition, 0x0d, 0, END];
