/**
 * Whether the holder of a lease has fallen silent. Clocks of two machines are never compared: a heartbeat that this
 * process has seen unchanged for long enough, by its own clock, is none.
 */
import { performance } from "node:perf_hooks";
import { expiryMs, type LeaseView } from "./lease.ts";

export interface LeaseWatch {
  /** Looks at the lease of a run; true once its holder has been silent for too long. To be called every few seconds. */
  silent(dir: string, lease: LeaseView): boolean;
}

/** A look counts for no more than this share of the expiry: while a disk hangs, or a watcher sleeps, no heart can be seen. */
const LARGEST_SHARE = 1 / 6;

export function leaseWatch(now: () => number = () => performance.now()): LeaseWatch {
  const seen = new Map<string, { sign: string; at: number; silentMs: number }>();
  return {
    silent(dir, { nonce, beat }) {
      const [sign, at, expiry] = [`${nonce} ${beat}`, now(), expiryMs()];
      const last = seen.get(dir);
      const same = last !== undefined && last.sign === sign;
      const silentMs = same ? last.silentMs + Math.min(at - last.at, expiry * LARGEST_SHARE) : 0;
      seen.set(dir, { sign, at, silentMs });
      return silentMs > expiry;
    },
  };
}
