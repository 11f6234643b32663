/** What each PTX instruction is in C++ (PTX ISA 9.0): those that the kernels come to, and no others. */
import { compare, compute, convert, multiply, shift, signed, special } from "./arithmetic.ts";
import { has, last, predicate, type Translate } from "./instruction.ts";
import { atomic, convertAddress, copyAsync, load, move, store } from "./memory.ts";
import { isFloat, type Operands } from "./operands.ts";
import type { Instruction } from "./parse.ts";
import { barrier, fence, loadMatrices, multiplyMatrices, shuffle, vote, warpgroup } from "./together.ts";

const label = (name: string): string => name.replaceAll("$", "_");
export const labelText = (name: string): string => `L${label(name)}:;`;

const instructions: Readonly<Record<string, Translate>> = {
  ld: load,
  st: store,
  mov: move,
  cvta: convertAddress,
  cvt: convert,
  setp: compare,
  mul: multiply,
  mad: multiply,
  fma: multiply,
  add: compute((a, b) => `${a} + ${b}`),
  sub: compute((a, b) => `${a} - ${b}`),
  and: compute((a, b) => `${a} & ${b}`),
  or: compute((a, b) => `${a} | ${b}`),
  xor: compute((a, b) => `${a} ^ ${b}`),
  not: (x, i) => compute((a) => (last(i) === "pred" ? `!${a}` : `~${a}`))(x, i),
  neg: compute((a) => `-${a}`),
  div: (x, i) =>
    signed((a, b) => (isFloat(last(i)) && !has(i, "rn") ? `approximate(${a} / ${b})` : `${a} / ${b}`))(x, i),
  rem: signed((a, b) => `${a} % ${b}`),
  min: (x, i) =>
    signed((a, b) => (isFloat(last(i)) ? `fminf(${a}, ${b})` : `(${a} < ${b} ? ${a} : ${b})`))(x, i),
  max: (x, i) =>
    signed((a, b) => (isFloat(last(i)) ? `fmaxf(${a}, ${b})` : `(${a} > ${b} ? ${a} : ${b})`))(x, i),
  copysign: signed((sign, magnitude) => `copysignf(${magnitude}, ${sign})`),
  abs: (x, i) => signed((a) => (isFloat(last(i)) ? `fabsf(${a})` : `(${a} < 0 ? -${a} : ${a})`))(x, i),
  selp: (x, i) => {
    const [to, yes, no, which] = i.operands as [string, string, string, string];
    return x.assign(
      to,
      last(i),
      `${x.value(which, "pred")} ? ${x.value(yes, last(i))} : ${x.value(no, last(i))}`,
    );
  },
  shl: shift("shift_left"),
  shr: shift("shift_right"),
  bfe: signed((a, at, count) => `bits_of(${a}, ${at} & 255, ${count} & 255)`),
  bfi: (x, i) => {
    const [to, ...from] = i.operands;
    const [of, into, at, count] = from.map((operand) => x.value(operand, "u32"));
    return x.assign(to!, "u32", `with_bits(${of}, ${into}, ${at} & 255, ${count} & 255)`);
  },
  prmt: compute((a, b, s) => `__byte_perm(${a}, ${b}, ${s})`),
  popc: compute((a) => `__popc(${a})`),
  clz: compute((a) => `__clz(${a})`),
  ex2: special((a) => `exp2f(${a})`),
  lg2: special((a) => `log2f(${a})`),
  rcp: special((a) => `1.0f / ${a}`),
  sqrt: special((a) => `sqrtf(${a})`),
  rsqrt: special((a) => `1.0f / sqrtf(${a})`),
  bar: barrier,
  barrier,
  shfl: shuffle,
  vote,
  atom: atomic(true),
  red: atomic(false),
  ldmatrix: loadMatrices,
  mma: multiplyMatrices,
  cp: copyAsync,
  wgmma: warpgroup,
  fence,
  activemask: (x, i) => x.assign(i.operands[0]!, "u32", "__activemask()"),
  bra: (_, i) => `goto L${label(i.operands[0]!)};`,
  ret: () => "return;",
  exit: () => "return;",
  trap: () => "__trap();",
};

export function translated(x: Operands, i: Instruction): string {
  const translate = instructions[i.parts[0]!];
  if (translate === undefined) throw new Error(`PTX: no translation of ${i.text}`);
  const guard = i.guard === undefined ? "" : `if (${predicate(x, i.guard)}) `;
  return `${guard}{ ${translate(x, i)} }`;
}
