/** Instructions of one thread that compute: sums, products, comparisons, conversions (PTX ISA 9.0, 9.7.1 to 9.7.9). */
import { flush, has, last, one, predicate, type Translate } from "./instruction.ts";
import { bitsOf, cType, isFloat, unsigned } from "./operands.ts";
import type { Instruction } from "./parse.ts";

/** d = f(a, b, ...), all of one type; whole numbers wrap. */
export const compute =
  (f: (...values: readonly string[]) => string): Translate =>
  (x, i) => {
    const [to, ...from] = i.operands;
    const type = isFloat(last(i)) || last(i) === "pred" ? last(i) : unsigned(last(i));
    const value = f(...from.map((operand) => x.value(operand, type)));
    return x.assign(to!, type, isFloat(type) ? flush(i, `(${value})`) : `(${cType(type)})(${value})`);
  };
/** The same where the sign matters. */
export const signed =
  (f: (...values: readonly string[]) => string): Translate =>
  (x, i) => {
    const [to, ...from] = i.operands;
    const value = f(...from.map((operand) => x.value(operand, last(i))));
    return x.assign(to!, last(i), isFloat(last(i)) ? flush(i, value) : value);
  };
/** An f32 function, which rounds to nearest or is approximate. */
export const special =
  (f: (value: string) => string): Translate =>
  (x, i) => {
    const value = flush(i, f(flush(i, x.value(i.operands[1]!, "f32"))));
    return x.assign(i.operands[0]!, "f32", has(i, "rn") ? value : `approximate(${value})`);
  };

/** a * b + c, of which `wide` keeps all bits, `lo` the lower and `hi` the upper half. */
export const multiply: Translate = (x, i) => {
  const [to, a, b, c] = i.operands;
  const type = last(i);
  if (isFloat(type)) {
    const [l, r] = [x.value(a!, type), x.value(b!, type)];
    const value =
      c === undefined ? `${l} * ${r}` : `${type === "f32" ? "fmaf" : "fma"}(${l}, ${r}, ${x.value(c, type)})`;
    return x.assign(to!, type, flush(i, value));
  }
  const wide = `${type[0]}${2 * bitsOf(type)}`;
  if (has(i, "wide", "hi")) {
    const product = `(${cType(wide)})${x.value(a!, type)} * (${cType(wide)})${x.value(b!, type)}`;
    if (has(i, "hi")) return x.assign(to!, type, `(${cType(type)})((${product}) >> ${bitsOf(type)})`);
    return x.assign(to!, wide, c === undefined ? product : `${product} + ${x.value(c, wide)}`);
  }
  return compute((l, r, s) => (s === undefined ? `${l} * ${r}` : `${l} * ${r} + ${s}`))(x, i);
};

const COMPARISONS: Readonly<Record<string, string>> = {
  eq: "==",
  ne: "!=",
  lt: "<",
  le: "<=",
  gt: ">",
  ge: ">=",
  lo: "<",
  ls: "<=",
  hi: ">",
  hs: ">=",
};

/** Of `a` and `b`. Ordered comparisons of floats are false where one is NaN; those that end in `u` are true. */
function relation(name: string, type: string, i: Instruction): string {
  const nan = "(a != a || b != b)";
  if (name === "nan" || name === "num") return name === "nan" ? nan : `!${nan}`;
  const unordered = isFloat(type) && name.length === 3;
  const sign = COMPARISONS[unordered ? name.slice(0, -1) : name];
  if (sign === undefined) throw new Error(`PTX: ${i.text}`);
  if (!isFloat(type)) return `(a ${sign} b)`;
  return unordered ? `(${nan} || a ${sign} b)` : `(!${nan} && a ${sign} b)`;
}

export const compare: Translate = (x, i) => {
  const [to, a, b, more] = i.operands as [string, string, string, string?];
  const type = last(i);
  const [yes, no] = to.split("|");
  const join = () => ({ and: "&", or: "|", xor: "^" })[one(i, "and", "or", "xor")];
  const joined = more === undefined ? "" : ` ${join()} ${predicate(x, more)}`;
  return [
    `const ${cType(type)} a = ${x.value(a, type)}, b = ${x.value(b, type)};`,
    `const bool is = ${relation(i.parts[1]!, type, i)}${joined};`,
    x.assign(yes!, "pred", "is"),
    ...(no === undefined ? [] : [x.assign(no, "pred", "!is")]),
  ].join(" ");
};

const ROUND = { rni: "rintf", rzi: "truncf", rmi: "floorf", rpi: "ceilf" } as const;

export const convert: Translate = (x, i) => {
  const [to, a, b] = i.operands as [string, string, string?];
  const [into, from] = i.parts.slice(-2) as [string, string];
  if (into === "bf16x2") return x.assign(to, "u32", `pack_bf16(${x.value(b!, from)}, ${x.value(a, from)})`);
  if (into === "bf16") return x.assign(to, "u16", `cudasim_bf16(${x.value(a, from)})`);
  const value = x.value(a, from);
  if (!isFloat(from) || (isFloat(into) && !has(i, "rni", "rzi", "rmi", "rpi")))
    return x.assign(to, into, `(${cType(into)})(${value})`);
  const whole = `${ROUND[one(i, "rni", "rzi", "rmi", "rpi")]}(${value})`;
  return x.assign(to, into, isFloat(into) ? whole : `saturated<${cType(into)}>(${whole})`);
};

export const shift =
  (name: "shift_left" | "shift_right"): Translate =>
  (x, i) => {
    const [to, a, by] = i.operands as [string, string, string];
    return x.assign(to, last(i), `${name}<${cType(last(i))}>(${x.value(a, last(i))}, ${x.value(by, "u32")})`);
  };
