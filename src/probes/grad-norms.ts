/**
 * L2 norms of gradients and weights: a row per tensor, one per layer (`*`), and where each expert has a tensor one for all
 * of them together (`blocks.0.moe.experts.*.up.weight`).
 */
import type { Parameter } from "../model/parameter.ts";
import { defineProbe } from "./probe.ts";
import { layerReader } from "./reader.ts";
import { grouped, normsOf } from "./squares.ts";

const TABLE = "grad_norms.csv";

/** L2 norm of each layer's whole gradient before clipping. */
export const layerGradients = layerReader({ table: TABLE, column: "grad_l2", where: ["tensor", "*"] });

export const gradNorms = defineProbe({
  summary: "L2 norm of the gradient and of the weights, per tensor and per layer",
  cite: "HybridNorm, arXiv 2503.04598, Fig. 2; OLMo, olmo/optim.py",
  byDefault: true,
  weightNorms: true,
  tables: {
    [TABLE]: {
      layer: "the block, from 0; empty for embedding, head and final norm",
      tensor: "`*`: the whole layer; `experts.*`: this tensor of all experts",
      grad_l2: "before clipping",
      weight_l2: "before the update",
    },
  },
  measure: () => ({
    rows(step) {
      const { parameters } = step;
      const row = (tensor: string, members: readonly Parameter[], layer?: number) => {
        return { layer, tensor, ...normsOf(members, step) };
      };
      const tensors = [...grouped(parameters, tensorOf)];
      const layers = [...grouped(parameters, (p) => p.layer)];
      return {
        [TABLE]: [
          ...tensors.map(([tensor, members]) => row(tensor, members, members[0]!.layer)),
          ...layers.map(([layer, members]) => row("*", members, layer)),
        ],
      };
    },
  }),
  readers: [layerGradients],
});

/** The tensor's name, the expert's number as a `*`. */
const tensorOf = ({ name, expert }: Parameter): string =>
  expert === undefined ? name : name.replace(`.experts.${expert}.`, ".experts.*.");
