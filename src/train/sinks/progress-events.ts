/** A sink that tells whoever watches the run, in this process or another. */
import { MAIN } from "../../config/evaluation-metrics.ts";
import type { LIKELIHOOD } from "../../protocols/likelihood.ts";
import type { Scores } from "../../protocols/protocol.ts";
import type { RunEvent } from "../events.ts";
import type { Sink } from "./sink.ts";

export const progressEvents = (tell: (event: RunEvent) => void): Sink => ({
  stepped({ step, steps, loss, tokensPerSecond }) {
    tell({ kind: "step", step, steps, ...(loss === undefined ? {} : { loss }), tokensPerSecond });
  },
  evaluated(step, { split }, { scores }) {
    if (split !== MAIN) return;
    const { loss, ppl, bits_per_byte: bitsPerByte } = scores as Scores<keyof typeof LIKELIHOOD>;
    tell({ kind: "evaluation", step, loss, ppl, bitsPerByte });
  },
});
