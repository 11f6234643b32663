/** `hnorm verify --files`: every file of finished runs against the checksum that it had when its run finished. */
import { existsSync } from "node:fs";
import { basename, resolve } from "node:path";
import { EXIT, UserError } from "../../lib/errors.ts";
import { plural } from "../../lib/format.ts";
import { table } from "../../lib/table.ts";
import { checkFiles, type FileCheck } from "../../runs/done-file.ts";
import { runFiles, sweepFiles } from "../../runs/paths.ts";
import { isFinished } from "../../runs/status.ts";
import { isSweep, readListing, sweepsIn } from "../../sweep/listing.ts";
import type { Io } from "../io.ts";
import { fileFaultsText } from "../tables/file-faults-text.ts";

interface CheckedRun {
  readonly run: string;
  readonly check: FileCheck | "not finished";
}

/** `folders`: of sweeps, of runs, or of many sweeps. Returns the exit code. */
export async function verifyFiles(
  folders: readonly string[],
  { json = false }: { readonly json?: boolean },
  io: Io,
): Promise<number> {
  const checked: CheckedRun[] = [];
  for (const [run, dir] of folders.flatMap(runsIn))
    checked.push({ run, check: isFinished(dir) ? await checkFiles(dir) : "not finished" });
  io.out(json ? JSON.stringify(checked.map(asJson), null, 2) : tableOf(checked));
  const changed = checked.filter(({ check }) => faultsOf(check).length > 0).length;
  if (changed > 0)
    io.log(`${changed} of ${plural(checked.length, "run")}: not as they were when they finished`);
  return changed > 0 ? EXIT.mismatch : EXIT.ok;
}

/** Names and folders. */
function runsIn(folder: string): readonly (readonly [run: string, dir: string])[] {
  const dir = resolve(folder);
  if (isSweep(dir))
    return readListing(dir).runs.map(({ name }) => [`${basename(dir)}/${name}`, sweepFiles(dir).run(name)]);
  const { config, done } = runFiles(dir);
  if (existsSync(config) || existsSync(done)) return [[basename(dir), dir]];
  const sweeps = sweepsIn(dir);
  if (sweeps.length === 0) throw new UserError(`${folder}: no sweep and no run here`);
  return sweeps.flatMap(runsIn);
}

const tableOf = (checked: readonly CheckedRun[]): string =>
  table(checked, [
    { title: "run", text: ({ run }) => run, align: "left" },
    { title: "files", text: ({ check }) => textOf(check), align: "left" },
  ]);

const asJson = ({ run, check }: CheckedRun) => ({ run, result: resultOf(check), faults: faultsOf(check) });

const faultsOf = (check: CheckedRun["check"]) => (typeof check === "string" ? [] : check);

const textOf = (check: CheckedRun["check"]): string => fileFaultsText(faultsOf(check)) || resultOf(check);

function resultOf(check: CheckedRun["check"]): string {
  if (check === "unchecked") return "no checksums";
  return typeof check === "string" ? check : check.length === 0 ? "ok" : "changed";
}
