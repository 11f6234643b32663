/** The 128-bit vector instructions the kernels use, as functions from operands to code. */
import { type Code, unsigned } from "./assembler.ts";

const simd = (op: number): Code => [0xfd, unsigned(op)];
const unary =
  (op: number) =>
  (a: Code): Code => [a, simd(op)];
const binary =
  (op: number) =>
  (a: Code, b: Code): Code => [a, b, simd(op)];

const ALIGN_16 = 4;
export const load = (address: Code): Code => [address, simd(0), ALIGN_16, 0];
export const store = (address: Code, value: Code): Code => [address, value, simd(11), ALIGN_16, 0];

/** Four f32. */
export const splat = unary(19);
export const add = binary(228);
export const sub = binary(229);
export const mul = binary(230);
export const div = binary(231);
export const sqrt = unary(227);

/** Two f64. */
export const addWide = binary(240);
export const mulWide = binary(242);
export const lane = (a: Code, i: 0 | 1): Code => [a, simd(33), i];
/** The lower two of four f32, widened; `upper` brings the other two down first. */
export const widen = unary(95);
export const upper = (a: Code): Code => [
  a,
  a,
  simd(13),
  [8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7],
];
