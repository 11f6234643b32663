/** What the operands of a kernel's instructions are in C++: registers are variables, addresses those of this process. */
import type { Entry, Statement } from "./parse.ts";

const C_TYPES: Readonly<Record<string, string>> = {
  s8: "int8_t",
  u8: "uint8_t",
  b8: "uint8_t",
  s16: "int16_t",
  u16: "uint16_t",
  b16: "uint16_t",
  s32: "int32_t",
  u32: "uint32_t",
  b32: "uint32_t",
  s64: "int64_t",
  u64: "uint64_t",
  b64: "uint64_t",
  f32: "float",
  f64: "double",
  pred: "bool",
  s128: "__int128",
  u128: "unsigned __int128",
};

export function cType(type: string): string {
  const name = C_TYPES[type];
  if (name === undefined) throw new Error(`PTX: type ${type}`);
  return name;
}
export const bitsOf = (type: string): number => (type === "pred" ? 1 : Number(type.slice(1)));
export const isFloat = (type: string): boolean => type.startsWith("f");
/** Arithmetic that wraps is that of the unsigned type. */
export const unsigned = (type: string): string => `u${bitsOf(type)}`;

const SPECIAL: Readonly<Record<string, string>> = { "%laneid": "cudasim::lane()" };
for (const [ptx, c] of Object.entries({
  tid: "threadIdx",
  ctaid: "blockIdx",
  ntid: "blockDim",
  nctaid: "gridDim",
}))
  for (const axis of "xyz") (SPECIAL as Record<string, string>)[`%${ptx}.${axis}`] = `${c}.${axis}`;

export class Operands {
  readonly #registers = new Map<string, string>();
  /** Addresses within shared memory, which are no addresses of this process. */
  readonly #shared: ReadonlyMap<string, string>;
  /** What C++ knows under its own name. */
  readonly #named: ReadonlySet<string>;

  constructor(entry: Entry, shared: ReadonlyMap<string, string>, constants: readonly string[]) {
    const of = <K extends Statement["kind"]>(kind: K) =>
      entry.body.filter((s): s is Extract<Statement, { readonly kind: K }> => s.kind === kind);
    for (const { type, names } of of("registers")) for (const name of names) this.#registers.set(name, type);
    this.#shared = shared;
    const locals = of("variable").map((s) => s.variable.name);
    this.#named = new Set([...entry.parameters.map(({ name }) => name), ...constants, ...locals]);
  }

  /** The variable of a register. */
  variable(register: string): string {
    return `r_${register.replace(/^%/, "")}`;
  }

  #type(register: string): string {
    const type = this.#registers.get(register);
    if (type === undefined) throw new Error(`PTX: no register ${register}`);
    return type;
  }

  /** An operand read as a type: a register's bits are taken as they are. */
  value(operand: string, type: string): string {
    const c = cType(type);
    if (operand in SPECIAL) return `(${c})(${SPECIAL[operand]})`;
    if (operand.startsWith("%") || this.#registers.has(operand)) {
      const own = this.#type(operand);
      return own === type ? this.variable(operand) : `as<${c}>(${this.variable(operand)})`;
    }
    if (/^0[fF][0-9a-fA-F]{8}$/.test(operand)) return `as<${c}>(0x${operand.slice(2)}u)`;
    if (/^-?(0x[0-9a-fA-F]+|\d+)$/.test(operand))
      return isFloat(type) ? `(${c})${operand}` : `as<${c}>((uint64_t)${operand}ll)`;
    if (this.#shared.has(operand)) return `(${c})(${this.#shared.get(operand)})`;
    if (this.#named.has(operand)) return `(${c})(uintptr_t)&${operand}`;
    throw new Error(`PTX: operand ${operand}`);
  }

  /** Writes a register; a narrower result is widened by its sign or by zeros. */
  assign(register: string, type: string, expression: string): string {
    if (register === "_") return `(void)(${expression});`;
    const own = this.#type(register);
    const to = this.variable(register);
    if (own === type) return `${to} = ${expression};`;
    const wide = cType(`${type.startsWith("s") ? "s" : "u"}${bitsOf(own)}`);
    const widened = bitsOf(own) > bitsOf(type) ? `(${wide})` : "";
    return `${to} = as<${cType(own)}>(${widened}(${cType(type)})(${expression}));`;
  }

  /** `[%rd1+16]` as a pointer of this process. */
  address(operand: string, space: string): string {
    const found = /^\[([%\w]+)(?:\+(-?\w+))?\]$/.exec(operand.replace(/\s/g, ""));
    if (found === null) throw new Error(`PTX: address ${operand}`);
    const [, base, offset = "0"] = found;
    const inShared = space === "shared" || this.#shared.has(base!);
    if (inShared) return `shared_at(${this.value(base!, "u32")} + (${offset}))`;
    return `(char*)(uintptr_t)${this.value(base!, "u64")} + (${offset})`;
  }

  /** `{%r1, %r2}`, or one register alone. */
  list(operand: string): readonly string[] {
    return operand.replace(/[{}\s]/g, "").split(",");
  }
}
