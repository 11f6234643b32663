/**
 * Compiled kernels on disk: what was compiled once on this machine, for this GPU and by this compiler, is not compiled
 * again. A file that cannot be read or written costs a compilation, no more.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { sha256 } from "../../lib/hash.ts";
import type { Compiler, Source } from "./nvrtc.ts";

/** The compiler with a memory of its own in `folder`. Damage is noticed: the file starts with its content's hash. */
export function cached(compiler: Compiler, folder: string): Compiler {
  return {
    version: compiler.version,
    compile(source, options) {
      const path = join(folder, `${keyOf(compiler, source, options)}.cubin`);
      const known = read(path);
      if (known !== undefined) return known;
      const cubin = compiler.compile(source, options);
      write(path, cubin);
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

function write(path: string, cubin: Uint8Array): void {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(temporary, Buffer.concat([Buffer.from(sha256(cubin), "latin1"), cubin]));
    renameSync(temporary, path);
  } catch {
    rmSync(temporary, { force: true });
  }
}
