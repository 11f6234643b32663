/** `--retries N`: how often a run that failed for a reason that may pass is tried again. */
import { Option } from "commander";
import { UserError } from "../../lib/errors.ts";
import type { RetryPolicy } from "../../local/retry.ts";

/** Seconds before the first retry; HNORM_RETRY_SECONDS changes it, for tests. */
const WAIT_S = 5;

export const retriesOption = (): Option =>
  new Option("--retries <n>", "tries again after a crash, a full disk, too little memory").default("3");

export const RETRIES_HELP = `
A run that crashed, was killed, or met a full or failing disk, is tried again from its last checkpoint: --retries times
without a new checkpoint in between, with waits of 5, 10, 20, ... seconds, and no more once it fails thrice at the same step.
A mistake in the config, a missing engine and a divergence are not tried again; what was preempted always is.
Each attempt leaves a line in RUN/attempts.jsonl and what it wrote to stderr in RUN/logs.`;

export function retryPolicy(text: string): RetryPolicy {
  const retries = Number(text);
  if (!Number.isInteger(retries) || retries < 0)
    throw new UserError(`--retries: got ${text}; expected a whole number from 0`);
  const seconds = Number(process.env.HNORM_RETRY_SECONDS ?? WAIT_S);
  return { retries, waitMs: 1000 * seconds };
}
