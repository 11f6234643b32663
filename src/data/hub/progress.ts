/** Lines about a transfer now and then: how much of it, how fast, how long still. */
import { performance } from "node:perf_hooks";
import { duration, bytes as sizeText } from "../../lib/format.ts";

export type OnProgress = (message: string, done?: number, total?: number) => void;

const EVERY_MS = 5000;

/** Takes the place in the file after each piece; `total` bytes in all, of which `start` were there before. */
export function tracker(what: string, total: number, start: number, tell: OnProgress): (at: number) => void {
  const began = performance.now();
  let told = Number.NEGATIVE_INFINITY;
  return (at) => {
    const now = performance.now();
    if (now - told < EVERY_MS && at < total) return;
    told = now;
    const perSecond = (at - start) / ((now - began) / 1000);
    const pace = perSecond > 0 && now - began > 1000 ? `, ${sizeText(perSecond)}/s` : "";
    const left = pace === "" || at >= total ? "" : `, ${duration((total - at) / perSecond)} left`;
    tell(`${what}: ${sizeText(at)} of ${sizeText(total)}${pace}${left}`, at, total);
  };
}
