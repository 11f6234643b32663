/** Config files in a temporary folder, and what hnorm says of them with the folder's path taken out. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll } from "vitest";
import { UserError } from "../../../src/lib/errors.ts";
import { loadSweep } from "../../../src/sweep/expand.ts";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Writes the files into a new folder and returns its path. */
export function folderOf(files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = mkdtempSync(join(tmpdir(), "hnorm-config-"));
  folders.push(folder);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

/** The message of the UserError that `load` throws for the file x.yaml of the folder. */
export function complaint(
  files: Readonly<Record<string, string | Uint8Array>> | string,
  overrides: readonly string[] = [],
  load: (file: string, overrides: readonly string[]) => unknown = loadSweep,
): string {
  const folder = folderOf(typeof files === "string" ? { "x.yaml": files } : files);
  try {
    load(join(folder, "x.yaml"), overrides);
  } catch (error) {
    if (error instanceof UserError) return error.message.replaceAll(`${folder}/`, "");
    throw error;
  }
  return "no complaint";
}

/** A small config without mistakes, to which others are added. */
export const GOOD = `norm: pre
model: { d_model: 32, n_layers: 4, n_heads: 2, ffn_dim: 64, vocab_size: 16, seq_len: 32 }
data: { source: markov }
train: { steps: 10, batch_size: 4, lr: 0.001 }
`;

/** The same without some of its lines, each named by its key. */
export const goodWithout = (...keys: readonly string[]): string =>
  GOOD.split("\n")
    .filter((line) => !keys.some((key) => line.startsWith(`${key}:`)))
    .join("\n");
