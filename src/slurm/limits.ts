/** How large a job array may be here, and how runs are spread over several. */
import { runCommand } from "./command.ts";

/** Slurm's own default. */
const DEFAULT_ARRAY_SIZE = 1001;

/** The number of elements of the largest array the controller takes. */
export async function maxArraySize(): Promise<number> {
  const { code, stdout } = await runCommand("scontrol", ["show", "config"]);
  const found = Number(/^\s*MaxArraySize\s*=\s*(\d+)/m.exec(stdout)?.[1]);
  return code === 0 && found > 0 ? found : DEFAULT_ARRAY_SIZE;
}

/** More arrays than this are too many to look after: then a few workers take one run after the other. */
export const MAX_ARRAYS = 16;

/** Consecutive pieces of at most `size`. */
export const chunks = <T>(items: readonly T[], size: number): readonly (readonly T[])[] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
