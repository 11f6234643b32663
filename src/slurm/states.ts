/** What Slurm's words for a job's state mean for a run. A word that is not known says nothing. */

/** `ended`: it will not run again by itself. `unknown`: it may have, or may not. */
export type JobPhase = "queued" | "running" | "ended" | "unknown";

/** A job that is COMPLETING, PREEMPTED or REQUEUED may come back: none of them has ended. */
const PHASES: Readonly<Record<string, JobPhase>> = {
  PENDING: "queued",
  CONFIGURING: "queued",
  REQUEUED: "queued",
  REQUEUE_FED: "queued",
  REQUEUE_HOLD: "queued",
  RESV_DEL_HOLD: "queued",
  SPECIAL_EXIT: "queued",
  RUNNING: "running",
  COMPLETING: "running",
  EXPEDITING: "running",
  POWER_UP_NODE: "running",
  PREEMPTED: "running",
  RESIZING: "running",
  SIGNALING: "running",
  STAGE_OUT: "running",
  STOPPED: "running",
  SUSPENDED: "running",
  UPDATE_DB: "running",
  BOOT_FAIL: "ended",
  CANCELLED: "ended",
  COMPLETED: "ended",
  DEADLINE: "ended",
  FAILED: "ended",
  LAUNCH_FAILED: "ended",
  NODE_FAIL: "ended",
  OUT_OF_MEMORY: "ended",
  RECONFIG_FAIL: "ended",
  REVOKED: "ended",
  TIMEOUT: "ended",
};

/** `CANCELLED by 0` and `CANCELLED+` are CANCELLED. */
export const stateWord = (text: string): string => /^[A-Z_]+/.exec(text.trim())?.[0] ?? "";

export const phaseOf = (word: string): JobPhase => PHASES[stateWord(word)] ?? "unknown";
