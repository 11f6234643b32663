/** A finished run as its folder tells it: config, step, where its data were; and its weights put on a device again. */
import { existsSync, readFileSync } from "node:fs";
import type { Device } from "../backends/backend.ts";
import type { EngineName } from "../backends/registry.ts";
import { resolve } from "../config/resolve.ts";
import type { RunConfig } from "../config/schema.ts";
import { UserError } from "../lib/errors.ts";
import { sha256File } from "../lib/hash.ts";
import { readSafetensors } from "../lib/safetensors.ts";
import { listParameters } from "../model/graphs.ts";
import { weightsDigest } from "../runs/done-file.ts";
import { runFiles } from "../runs/paths.ts";
import { readStatus, stateLabel } from "../runs/status.ts";
import { checkWeights } from "./single-step.ts";

export interface FinishedRun {
  readonly dir: string;
  readonly name: string;
  readonly config: RunConfig;
  /** What trained it; absent in runs of before this was noted. */
  readonly engine: EngineName | undefined;
  /** Optimizer steps done. */
  readonly step: number;
  readonly dataFingerprint: string | undefined;
  /** The tokenizer's name; null where the source made the ids. */
  readonly tokenizer: string | null;
  /** Where relative paths of `data:` began; absent in runs of before this was noted. */
  readonly baseDir: string | undefined;
}

export function readFinishedRun(dir: string): FinishedRun {
  const files = runFiles(dir);
  if (!existsSync(files.config)) throw new UserError(`${dir}: no run here (no config.resolved.json)`);
  const { name, config: written } = readJson(files.config) as {
    name: string;
    config: Record<string, unknown>;
  };
  const status = readStatus(dir);
  if (status === undefined || !existsSync(files.weights)) {
    const state = status === undefined ? "" : ` (${stateLabel(status)})`;
    throw new UserError(`${dir}: no weights to evaluate: the run is not finished${state}`);
  }
  const { config, issues } = resolve(written);
  if (issues.length > 0)
    throw new UserError(
      issues.map(({ path, message }) => `${files.config}: ${path.join(".")}: ${message}`).join("\n"),
    );
  const { data_base_dir: baseDir, data } = (
    existsSync(files.provenance) ? readJson(files.provenance) : {}
  ) as { data_base_dir?: string; data?: { tokenizer: string | null } };
  return {
    dir,
    name,
    config: config as RunConfig,
    baseDir,
    engine: status.engine as EngineName | undefined,
    step: status.step ?? (config as RunConfig).train.steps,
    dataFingerprint: status.data_fingerprint,
    tokenizer: data?.tokenizer ?? null,
  };
}

/** Writes the run's final weights to a device. */
export async function loadWeights(device: Device, { dir, config }: FinishedRun): Promise<void> {
  const parameters = listParameters(config);
  const { weights: path } = runFiles(dir);
  const digest = weightsDigest(dir);
  if (digest !== undefined && digest !== (await sha256File(path)))
    throw new UserError(`${path}: changed since the run finished: it does not match its checksum in DONE`);
  const weights = await readSafetensors(path);
  checkWeights(weights, parameters);
  for (const { name, shape } of parameters) device.write(name, shape, weights.get(name)!.values);
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new UserError(`${path}: cannot be read: ${(error as Error).message}`);
  }
}
