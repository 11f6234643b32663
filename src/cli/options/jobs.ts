/** `--jobs N`: how many runs are trained at the same time. */
import { UserError } from "../../lib/errors.ts";

/** `text` of --jobs as a number; undefined stays so. */
export function jobsFrom(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const jobs = Number(text);
  if (Number.isInteger(jobs) && jobs > 0) return jobs;
  throw new UserError(`--jobs: got ${text}; expected a whole number above 0`);
}
