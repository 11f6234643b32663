/** Every normalization strategy, under the name it has in YAML. */
import { deepnorm } from "./deepnorm.ts";
import { embedNorm } from "./embed-norm.ts";
import { firstQkvPre } from "./first-qkv-pre.ts";
import { hybrid } from "./hybrid.ts";
import { hybridStar } from "./hybrid-star.ts";
import { layerScale } from "./layer-scale.ts";
import { lns } from "./lns.ts";
import { mixLn } from "./mix-ln.ts";
import { outputNorm } from "./output-norm.ts";
import { peri } from "./peri.ts";
import { placement } from "./placement.ts";
import { post } from "./post.ts";
import { postShifted } from "./post-shifted.ts";
import { pre } from "./pre.ts";
import { prores } from "./prores.ts";
import { qkNorm } from "./qk-norm.ts";
import { qkNormFull } from "./qk-norm-full.ts";
import { resiDual } from "./resi-dual.ts";
import { sandwich } from "./sandwich.ts";
import type { NormStrategy } from "./strategy.ts";
import { subLn } from "./sub-ln.ts";

export const norms = {
  pre,
  post,
  "post-shifted": postShifted,
  "mix-ln": mixLn,
  hybrid,
  "hybrid-star": hybridStar,
  "first-qkv-pre": firstQkvPre,
  "embed-norm": embedNorm,
  deepnorm,
  sandwich,
  peri,
  "output-norm": outputNorm,
  "qk-norm": qkNorm,
  "qk-norm-full": qkNormFull,
  lns,
  "sub-ln": subLn,
  "layer-scale": layerScale,
  "resi-dual": resiDual,
  prores,
  placement,
} as const satisfies Record<string, NormStrategy>;

export type NormName = keyof typeof norms;

/** A strategy as the YAML selects it: its name and its own numbers. */
export type NormSelection = { readonly name: NormName } & Readonly<Record<string, unknown>>;

/** The strategy of a selection and its numbers, checked. */
export function selectNorm(selection: NormSelection): {
  readonly strategy: NormStrategy;
  readonly params: unknown;
} {
  const { name, ...own } = selection;
  const strategy = norms[name] as NormStrategy;
  return { strategy, params: strategy.params.parse(own) };
}
