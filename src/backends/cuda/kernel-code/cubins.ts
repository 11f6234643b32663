/**
 * Compiled kernels on disk: what was compiled once on this machine, for this GPU and by this compiler, is not compiled
 * again. A file that cannot be read or written costs a compilation, no more.
 */
import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { sha256 } from "../../../lib/hash.ts";
import type { Compiler, Source } from "./nvrtc.ts";

export interface CachedCompiler extends Compiler {
  /** What was compiled before, if it was. */
  known(source: Source, options: readonly string[]): Uint8Array | undefined;
}

/** The compiler with a memory of its own in `folder`. Damage is noticed: the file starts with its content's hash. */
export function cached(compiler: Compiler, folder: string): CachedCompiler {
  const pathOf = (source: Source, options: readonly string[]) =>
    join(folder, `${keyOf(compiler, source, options)}.cubin`);
  const known = (source: Source, options: readonly string[]) => read(pathOf(source, options));
  return {
    version: compiler.version,
    known,
    compile(source, options) {
      const kept = known(source, options);
      if (kept !== undefined) return kept;
      const cubin = compiler.compile(source, options);
      write(pathOf(source, options), cubin);
      return cubin;
    },
  };
}

function keyOf({ version }: Compiler, { name, text, headers }: Source, options: readonly string[]): string {
  const parts = [version, name, text, ...Object.entries(headers).flat(), ...options];
  return sha256(JSON.stringify(parts));
}

const HASH_LENGTH = 64;

function read(path: string): Uint8Array | undefined {
  try {
    const bytes = readFileSync(path);
    const cubin = bytes.subarray(HASH_LENGTH);
    return bytes.toString("latin1", 0, HASH_LENGTH) === sha256(cubin) ? cubin : undefined;
  } catch {
    return undefined;
  }
}

/** Whole or not at all, whoever else writes it: threads of this process, other processes, other machines. */
function write(path: string, cubin: Uint8Array): void {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(temporary, Buffer.concat([Buffer.from(sha256(cubin), "latin1"), cubin]));
    renameSync(temporary, path);
  } catch {
    rmSync(temporary, { force: true });
  }
}
