/** Every norm function, under the name it has in YAML (`model.norm_type`). */
import { dyt } from "./dyt.ts";
import type { NormFunction } from "./function.ts";
import { layernorm } from "./layernorm.ts";
import { rmsnorm } from "./rmsnorm.ts";
import { rmsnormGainFree } from "./rmsnorm-gain-free.ts";
import { rmsnormZeroCentered } from "./rmsnorm-zero-centered.ts";

export const normFunctions = {
  rmsnorm,
  layernorm,
  "rmsnorm-zero-centered": rmsnormZeroCentered,
  "rmsnorm-gain-free": rmsnormGainFree,
  dyt,
} as const satisfies Record<string, NormFunction>;

export type NormFunctionName = keyof typeof normFunctions;

/** A function as the YAML selects it: its bare name, or its name and its own numbers. */
export type NormFunctionSelection =
  | NormFunctionName
  | ({ readonly name: NormFunctionName } & Readonly<Record<string, unknown>>);

/** The function of a selection and its numbers, checked. */
export function selectFunction(selection: NormFunctionSelection): {
  readonly normFunction: NormFunction;
  readonly params: unknown;
} {
  const { name, ...own } = typeof selection === "string" ? { name: selection } : selection;
  const normFunction = normFunctions[name] as NormFunction;
  return { normFunction, params: normFunction.params.parse(own) };
}
