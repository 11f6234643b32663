/** The folders in a run's own that are written to lie there, and not where a link of somebody else leads. */
import { lstatSync } from "node:fs";
import { EnvironmentError } from "../lib/errors.ts";
import { runFiles } from "./paths.ts";

/** Throws an EnvironmentError that names the link. */
export function requireNoLinks(dir: string): void {
  const { checkpoints, lease, logs } = runFiles(dir);
  const link = [lease, checkpoints, logs].find(isLink);
  if (link !== undefined)
    throw new EnvironmentError(`${link}: a symbolic link, which is not followed in a run's folder`);
}

export const isLink = (path: string): boolean =>
  lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
