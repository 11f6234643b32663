/** The numbers behind a report, for other programs. Losses in nats per token; absent is null. Pure. */
import { armRatio, chosenSteps, commonSteps, gradients, valuesAt } from "../data/layer-steps.ts";
import type { ArmData, ReportData } from "../data/report-data.ts";
import { rankByJson } from "../ranking/arm-rows.ts";
import type { RankBy } from "../ranking/rank-by.ts";

export function reportJson(data: ReportData): object {
  const { sweep, evidence, arms, runs } = data;
  const { by } = evidence;
  const steps = chosenSteps(commonSteps(data, gradients));
  return {
    sweep: sweep.name,
    ...rankByJson(by),
    reference: evidence.reference ?? null,
    noise: evidence.noise ?? null,
    unigram_loss: evidence.baseline?.loss ?? null,
    none_below_unigram: evidence.baseline?.noneBelow ?? null,
    mismatch: evidence.mismatch ?? null,
    arms: arms.map((arm) => ({
      ...armJson(arm, by),
      gradient_norms: steps.map((step) => atStep(arm, step)),
    })),
    runs: runs.map(({ name, id, factors, status, metrics }) => ({
      name,
      id,
      factors,
      state: status?.state ?? null,
      step: status?.step ?? null,
      val_loss: finite(status?.val_loss),
      ...(by.isDefault ? {} : { [by.name]: finite(by.scoreOf({ name, status })) }),
      stability:
        metrics === undefined
          ? null
          : {
              logged_steps: metrics.rows,
              clipped_steps: metrics.clipped,
              loss_spikes: metrics.lossSpikes.count,
              gradient_spikes: metrics.gradSpikes.count,
            },
    })),
  };
}

function armJson({ label, result }: ArmData, by: RankBy): object {
  const { factors, finished, diverged, stuck, loss, score, bitsPerByte, delta } = result;
  return {
    arm: label,
    factors,
    runs: result.runs.length,
    finished,
    diverged,
    stuck,
    val_loss: loss ?? null,
    val_bits_per_byte: finite(bitsPerByte),
    ...(by.isDefault ? {} : { [by.name]: score ?? null }),
    delta: delta ?? null,
  };
}

const atStep = (arm: ArmData, step: number): object => ({
  step,
  layers: valuesAt(arm, gradients, step),
  last_to_first: finite(armRatio(arm, gradients, step)),
});

const finite = (value: number | undefined): number | null =>
  value !== undefined && Number.isFinite(value) ? value : null;
