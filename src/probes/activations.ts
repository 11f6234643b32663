/**
 * Activation RMS by depth: the root of the mean of x^2 over tokens and channels, of the residual stream as it enters the
 * model and leaves each block, and of what attention and the feed-forward give. Under Pre-Norm the stream grows with
 * depth, under Post-Norm it cannot.
 */
import { z } from "zod";
import { size } from "../graph/graph.ts";
import type { Site } from "../model/taps.ts";
import { scale } from "../ops/scale.ts";
import { sumSquares } from "../ops/sum-squares.ts";
import { defineProbe, type Reading } from "./probe.ts";
import { layerReader } from "./reader.ts";

const TABLE = "activations.csv";

const SITES = ["embed", "attn", "ffn", "block", "q", "k", "v", "context"] as const satisfies readonly Site[];

/** What a report draws of it, where it is measured. */
const DRAWN = {
  block: "the residual stream after each block",
  attn: "attention's output",
  ffn: "the feed-forward's output",
};

export const activations = defineProbe({
  summary: "root mean square of the residual stream and of the branches' outputs, per layer",
  cite: "Peri-LN, Kim et al. 2025, arXiv 2502.02732; Sun et al. 2025, arXiv 2502.05795",
  taps: "due",
  options: {
    /** Which values; see model/taps.ts. */
    sites: z.array(z.enum(SITES)).min(1).default(["embed", "attn", "ffn", "block"]),
  },
  tables: {
    [TABLE]: {
      layer: "the block, from 0; empty for the embedding",
      site: "`embed`: the residual stream that enters block 0; `block`: as it leaves the block; `block.2` and so on: further streams, where a strategy has several; `attn`, `ffn`: what these give before it is added; on demand `q`, `k`, `v`, `context`",
      rms: "root of the mean square over tokens and channels",
    },
  },
  measure({ emit, output }, { sites }) {
    const found: {
      readonly layer: number | undefined;
      readonly site: string;
      readonly meanSquare: Reading;
    }[] = [];
    return {
      tap({ site, layer, stream, value }) {
        if (!sites.some((wanted) => wanted === site)) return;
        const meanSquare = scale(emit, 1 / size(value.shape), sumSquares(emit, value));
        const named = stream === undefined ? site : `${site}.${stream}`;
        found.push({ layer, site: named, meanSquare: output(meanSquare, "mean") });
      },
      rows: () => ({
        [TABLE]: found.map(({ layer, site, meanSquare }) => ({
          layer,
          site,
          rms: Math.sqrt(meanSquare.value),
        })),
      }),
    };
  },
  readers: Object.entries(DRAWN).map(([site, what]) =>
    layerReader({
      table: TABLE,
      column: "rms",
      where: ["site", site],
      figure: {
        title: `Activation RMS of ${what}`,
        label: "root mean square",
        kind: "log",
        caption: `Root mean square, over tokens and channels, of ${what} (site ${site} of ${TABLE}).`,
      },
    }),
  ),
});
