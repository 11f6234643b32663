/** What token frequencies alone cost, to read every loss against: a run that is not below it has learned nothing else. Pure. */
import { fixed } from "../../lib/format.ts";
import { isStuck } from "../../runs/status.ts";
import type { RankedRun } from "./ranking.ts";

type Ran = Pick<RankedRun, "status">;

export interface Baseline {
  /** The frequencies' loss on the validation split, nats per token; absent where runs were measured on several. */
  readonly loss?: number;
  /** Finished runs that are not below their own. */
  readonly stuck: number;
  /** None of the finished runs is below: whatever they are ranked by says nothing of their arms. */
  readonly noneBelow: boolean;
}

/** undefined where no run says what its frequencies cost. */
export function baselineOf(runs: readonly Ran[]): Baseline | undefined {
  const known = runs.filter(({ status }) => status?.unigram_loss !== undefined);
  if (known.length === 0) return undefined;
  const losses = known.map(({ status }) => status!.unigram_loss!);
  const [least, most] = [losses.reduce((a, b) => Math.min(a, b)), losses.reduce((a, b) => Math.max(a, b))];
  const done = known.filter(({ status }) => status!.state === "done");
  const stuck = done.filter(({ status }) => isStuck(status)).length;
  return {
    ...(most - least <= 1e-9 * most ? { loss: most } : {}),
    stuck,
    noneBelow: stuck > 0 && stuck === done.length,
  };
}

/** Below a table: what the line is, and what the mark means where there is one. */
export function baselineText({ loss, stuck, noneBelow }: Baseline): string {
  const line =
    loss === undefined
      ? "token frequencies alone: another loss for each validation set"
      : `token frequencies alone: val loss ${fixed(loss, 4)}, val ppl ${fixed(Math.exp(loss), 3)}`;
  const mark = stuck === 0 ? "" : `; ${stuck} stuck there: they have learned nothing else`;
  return noneBelow ? `no arm beats token frequencies\n${line}${mark}` : `${line}${mark}`;
}
