/** The runs that a sweep's folder lists, for those who only read: also what another version wrote there. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { isPlainObject } from "../config/selection.ts";
import { UserError } from "../lib/errors.ts";
import { sweepFiles } from "../runs/paths.ts";
import type { Run } from "./expand.ts";
import type { BoundExpectation } from "./expected-arms.ts";

export interface Listing {
  readonly name: string;
  readonly description?: string;
  readonly runs: readonly Run[];
  /** What `expect:` said of them. */
  readonly expectations?: readonly BoundExpectation[];
}

export const isSweep = (dir: string): boolean => existsSync(sweepFiles(dir).sweep);

/** The sweeps that lie in a folder, by name; none where it is no folder. */
export const sweepsIn = (dir: string): readonly string[] =>
  (statSync(dir, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(dir).sort() : [])
    .map((name) => join(dir, name))
    .filter(isSweep);

/** What sweep.json lists; throws a UserError where there is none that can be read. */
export function readListing(dir: string): Listing {
  const { sweep: path } = sweepFiles(dir);
  if (!isSweep(dir)) throw new UserError(`${dir}: no sweep here (no sweep.json)`);
  const listed = readJson(path);
  const { name, description, runs, expectations } = isPlainObject(listed) ? listed : {};
  if (!Array.isArray(runs) || !runs.every(isListed)) throw new UserError(`${path}: not a valid sweep.json`);
  const said = typeof description === "string" ? { description } : {};
  const expected = Array.isArray(expectations) && expectations.every(isExpectation) ? { expectations } : {};
  return { name: typeof name === "string" ? name : "sweep", ...said, runs, ...expected };
}

/** A folder in the sweep's own, and nothing that leads out of it. */
const NAME = /^\w[\w.-]*$/;

/** Whether it is a run of a sweep.json, as far as reading it goes. */
export function isListed(run: unknown): run is Run {
  if (!isPlainObject(run) || !isPlainObject(run.factors) || !isPlainObject(run.config)) return false;
  if (typeof run.name !== "string" || !NAME.test(run.name) || typeof run.id !== "string") return false;
  const { norm, model, data, train, eval: evaluation, log } = run.config;
  if (![norm, model, data, train, evaluation, log].every(isPlainObject)) return false;
  return Number.isFinite((train as { readonly steps?: unknown }).steps);
}

const isExpectation = (e: unknown): e is BoundExpectation =>
  isPlainObject(e) &&
  isPlainObject(e.claim) &&
  Array.isArray(e.arms) &&
  e.arms.every((bound) => isPlainObject(bound) && Array.isArray(bound.arm));

/** The file's JSON; throws a UserError that names it. */
export function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new UserError(`${path}: cannot be read: ${(error as Error).message}`);
  }
}
