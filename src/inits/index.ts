/** Every initialization scheme, under the name it has in YAML. */
import { deepnorm } from "./deepnorm.ts";
import { depthScaled } from "./depth-scaled.ts";
import { magneto } from "./magneto.ts";
import { megatron } from "./megatron.ts";
import { mixLn } from "./mix-ln.ts";
import { normal } from "./normal.ts";
import type { InitScheme } from "./scheme.ts";

export const inits = {
  normal,
  "depth-scaled": depthScaled,
  megatron,
  "mix-ln": mixLn,
  deepnorm,
  magneto,
} as const satisfies Record<string, InitScheme>;

export type InitName = keyof typeof inits;

/** A scheme as the YAML selects it. */
export type InitSelection = { readonly name: InitName } & Readonly<Record<string, unknown>>;

/** The scheme of a selection and its numbers, checked. */
export function selectInit(selection: InitSelection): {
  readonly scheme: InitScheme;
  readonly params: unknown;
} {
  const { name, ...own } = selection;
  const scheme = inits[name] as InitScheme;
  return { scheme, params: scheme.params.parse(own) };
}
