/** Kernels as machine code: a source file with its definitions is compiled once, and several of them at once. */
import { readdirSync, readFileSync } from "node:fs";
import type { KernelSpec } from "../plan/command-list.ts";
import type { CachedCompiler } from "./cubins.ts";
import type { Source } from "./nvrtc.ts";

export interface CompileJob {
  readonly source: Source;
  readonly options: readonly string[];
}

/** Compiles them all, in any order; a job's place may stay empty. Throws what the first that fails says. */
export type CompileAll = (jobs: readonly CompileJob[]) => Promise<readonly (Uint8Array | undefined)[]>;

/** What distinguishes one compilation from another: kernels of one file with the same definitions share it. */
export type Compiled = Pick<KernelSpec, "file" | "define">;

/** Kernel sources lie in ../kernels, in the package as in the repository. */
const KERNELS = new URL("../kernels/", import.meta.url);

export class KernelCode {
  readonly #sm: number;
  readonly #compiler: CachedCompiler;
  readonly #compileAll: CompileAll;
  readonly #sources = readSources();
  readonly #headers = Object.fromEntries([...this.#sources].filter(([name]) => name.endsWith(".cuh")));
  readonly #cubins = new Map<string, Uint8Array>();

  constructor(sm: number, compiler: CachedCompiler, compileAll: CompileAll) {
    this.#sm = sm;
    this.#compiler = compiler;
    this.#compileAll = compileAll;
  }

  keyOf({ file, define }: Compiled): string {
    return [file, ...optionsFor(this.#sm, define)].join(" ");
  }

  /** Compiled now unless it is there. */
  of(kernel: Compiled): Uint8Array {
    const key = this.keyOf(kernel);
    const known = this.#cubins.get(key);
    if (known !== undefined) return known;
    const { source, options } = this.#jobOf(kernel);
    const cubin = this.#compiler.compile(source, options);
    this.#cubins.set(key, cubin);
    return cubin;
  }

  /** Has them all there. */
  async prepare(kernels: readonly Compiled[]): Promise<void> {
    const missing = new Map<string, CompileJob>();
    for (const kernel of kernels) {
      const key = this.keyOf(kernel);
      if (this.#cubins.has(key) || missing.has(key)) continue;
      const job = this.#jobOf(kernel);
      const kept = this.#compiler.known(job.source, job.options);
      if (kept === undefined) missing.set(key, job);
      else this.#cubins.set(key, kept);
    }
    const cubins = await this.#compileAll([...missing.values()]);
    [...missing.keys()].forEach((key, i) => {
      const cubin = cubins[i];
      if (cubin !== undefined) this.#cubins.set(key, cubin);
    });
  }

  #jobOf({ file, define }: Compiled): CompileJob {
    const text = this.#sources.get(file);
    if (text === undefined) throw new Error(`there is no kernel file ${file}`);
    return { source: { name: file, text, headers: this.#headers }, options: optionsFor(this.#sm, define) };
  }
}

/** Sorted, so that equal kernels have equal keys. `sm_90a` has Hopper's own instructions. */
function optionsFor(sm: number, define: KernelSpec["define"]): readonly string[] {
  const defines = Object.entries(define).sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    `--gpu-architecture=sm_${sm}${sm === 90 ? "a" : ""}`,
    "--std=c++17",
    "-default-device",
    ...defines.map(([name, value]) => `-D${name}=${value}`),
  ];
}

function readSources(): ReadonlyMap<string, string> {
  const names = readdirSync(KERNELS).filter((name) => /\.cuh?$/.test(name));
  return new Map(names.map((name) => [name, readFileSync(new URL(name, KERNELS), "utf8")]));
}
