/** Has kernels of warpgroups tested in a separate process: a faulty one may never end, or take its process with it. */
import { fileURLToPath } from "node:url";
import { runSeparately, STOP } from "../../../lib/run-separately.ts";
import { threadFile } from "../../../lib/thread-file.ts";
import { WARPGROUP_KERNELS, type WarpgroupKernel } from "../lower/warpgroups.ts";
import { type Extents, REAL } from "./cases.ts";
import { type KernelResult, type Message, resultOf, type SelfTestJob } from "./result.ts";

/** How kernels are tested. Times are milliseconds without a word. */
export interface SelfTestOptions {
  readonly program: URL;
  readonly extents: Extents;
  readonly kernels: readonly WarpgroupKernel[];
  /** After which a process counts as lost: libraries are loaded, kernels compiled, all their baselines run. */
  readonly timeoutMs: number;
  /** After which a kernel counts as hanging, which takes milliseconds and is compiled by then, as a rule. */
  readonly kernelTimeoutMs: number;
}

export const defaults = (): SelfTestOptions => ({
  program: threadFile(import.meta.url, "self-test"),
  extents: REAL,
  kernels: WARPGROUP_KERNELS,
  timeoutMs: 120_000,
  kernelTimeoutMs: 20_000,
});

export type Log = (line: string) => void;
export type KernelResults = Readonly<Partial<Record<WarpgroupKernel, KernelResult>>>;

/** What one process finds until it has tested all, or something goes wrong in it. `why`: it ended. */
export async function runSelfTest(
  job: SelfTestJob,
  log: Log,
  { program, timeoutMs, kernelTimeoutMs }: SelfTestOptions,
): Promise<{ readonly found: KernelResults; readonly why: string }> {
  const found: Partial<Record<WarpgroupKernel, KernelResult>> = {};
  let at: WarpgroupKernel | undefined;
  const onMessage = (message: Message): number | typeof STOP | undefined => {
    if ("progress" in message) {
      log(message.progress);
      return at === undefined ? timeoutMs : undefined; // that it still waits for a kernel is no progress of that
    }
    if ("testing" in message) {
      at = message.testing;
      log(`testing Hopper's matrix instructions (wgmma): ${at}`);
    } else {
      at = undefined;
      found[message.tested] = resultOf(message.measurement);
      // After a failure, nothing of that process's GPU is to be trusted.
      if ("why" in message.measurement || job.kernels.every((kernel) => found[kernel] !== undefined))
        return STOP;
    }
    return at === undefined ? timeoutMs : kernelTimeoutMs;
  };
  const run = {
    program: fileURLToPath(program),
    args: [JSON.stringify(job)],
    timeoutMs,
    onMessage,
  };
  const { why, killedByOthers } = await runSeparately<Message>(run);
  if (at !== undefined && !killedByOthers) found[at] = { ok: false, why };
  return { found, why };
}
