/** What translations of instructions have in common. */
import type { Operands } from "./operands.ts";
import type { Instruction } from "./parse.ts";

export type Translate = (x: Operands, i: Instruction) => string;

export const last = ({ parts }: Instruction): string => parts.at(-1)!;
export const has = ({ parts }: Instruction, ...names: readonly string[]): boolean =>
  names.some((name) => parts.includes(name));
export const one = <T extends string>({ parts, text }: Instruction, ...names: readonly T[]): T => {
  const found = names.find((name) => parts.includes(name));
  if (found === undefined) throw new Error(`PTX: ${text}`);
  return found;
};
export const flush = (i: Instruction, value: string): string => (has(i, "ftz") ? `flushed(${value})` : value);
const SPACES = ["global", "shared", "local", "const", "param"] as const;
export const spaceOf = ({ parts }: Instruction) => SPACES.find((space) => parts.includes(space)) ?? "generic";

/** `%p1`, `!%p1`. */
export const predicate = (x: Operands, operand: string): string =>
  operand.startsWith("!") ? `!${x.value(operand.slice(1), "pred")}` : x.value(operand, "pred");
