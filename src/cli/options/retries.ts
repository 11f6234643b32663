/** `--retries N`: how often a run that failed for a reason that may pass is tried again. */
import { Option } from "commander";
import { UserError } from "../../lib/errors.ts";
import type { RetryPolicy } from "../../local/retry.ts";

/** Seconds before the first retry; HNORM_RETRY_SECONDS changes it, for tests. */
const WAIT_S = 5;

export const retriesOption = (): Option =>
  new Option("--retries <n>", "retries after a crash, a full disk or running out of memory").default("3");

export const RETRIES_HELP = `
A run that crashed, was killed, or met a full or failing disk, is retried from its last checkpoint: up to --retries times
without a new checkpoint in between, after 5, 10, 20, ... seconds, and no more once it has failed three times at one step.
Errors in the config, missing engines and divergence are not retried; preempted runs always are.
Each attempt leaves a line in RUN/attempts.jsonl and its stderr in RUN/logs.`;

export function retryPolicy(text: string): RetryPolicy {
  const retries = Number(text);
  if (!Number.isInteger(retries) || retries < 0)
    throw new UserError(`--retries: got ${text}; expected a whole number from 0`);
  const seconds = Number(process.env.HNORM_RETRY_SECONDS ?? WAIT_S);
  return { retries, waitMs: 1000 * seconds };
}
