/** Compiling many kernels at once, with the emulated NVRTC: all of them, each once, and what a failure says. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { loadFfi } from "../../src/backends/cuda/driver/ffi.ts";
import { compileThreads, meter } from "../../src/backends/cuda/kernel-code/compile-threads.ts";
import { cached } from "../../src/backends/cuda/kernel-code/cubins.ts";
import { type Compiled, KernelCode } from "../../src/backends/cuda/kernel-code/kernel-code.ts";
import { type Compiler, nvrtc } from "../../src/backends/cuda/kernel-code/nvrtc.ts";
import { EnvironmentError } from "../../src/lib/errors.ts";
import { environment, missing, reason } from "./engine.ts";

const SM = 90;
const scale = (x: string, y: string): Compiled => ({ file: "scale.cu", define: { X: x, Y: y } });
const KERNELS = [scale("bf16", "bf16"), scale("bf16", "float"), scale("float", "bf16")];
const library = join(environment.HNORM_CUDA_LIBRARIES ?? "", "libnvrtc.so.13");

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), "hnorm-kernels-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** What is compiled by the calling thread itself goes through `here`. */
const codeIn = (dir: string, here: Compiler): KernelCode =>
  new KernelCode(
    SM,
    cached(here, dir),
    compileThreads({ library, folder: dir }, () => {}),
  );

/** The compiler, but it is an error to need it. */
const idle = (compiler: Compiler): Compiler => ({
  version: compiler.version,
  compile: ({ name }) => {
    throw new Error(`${name} is compiled a second time`);
  },
});

describe.skipIf(missing)(reason, () => {
  const compiler = async () => nvrtc((await loadFfi()).open(library));

  test("all of them, each once, and kept on disk for the next process", async () => {
    const dir = folder();
    const here = idle(await compiler());
    const code = codeIn(dir, here);
    await code.prepare([...KERNELS, ...KERNELS]);
    const cubins = KERNELS.map((kernel) => Buffer.from(code.of(kernel)));
    expect(new Set(cubins.map((c) => c.toString("latin1"))).size).toBe(KERNELS.length);
    expect(readdirSync(dir).filter((name) => name.endsWith(".cubin"))).toHaveLength(KERNELS.length);

    const next = new KernelCode(SM, cached(here, dir), async (jobs) => {
      expect(jobs).toEqual([]);
      return [];
    });
    await next.prepare(KERNELS);
    expect(KERNELS.map((kernel) => Buffer.from(next.of(kernel)))).toEqual(cubins);
  });

  test("two that begin at once leave whole files alone", async () => {
    const dir = folder();
    const here = idle(await compiler());
    const codes = [codeIn(dir, here), codeIn(dir, here)];
    await Promise.all(codes.map((code) => code.prepare(KERNELS)));
    for (const kernel of KERNELS)
      expect(Buffer.from(codes[0]!.of(kernel))).toEqual(Buffer.from(codes[1]!.of(kernel)));
    expect(readdirSync(dir).filter((name) => !name.endsWith(".cubin"))).toEqual([]);
    expect(readdirSync(dir)).toHaveLength(KERNELS.length);
  });

  test("one that fails is told with its name, its options and the compiler's log", async () => {
    const bad: Compiled = { file: "scale.cu", define: { X: "nonsense", Y: "bf16" } };
    const code = codeIn(folder(), await compiler());
    const failed = code.prepare([...KERNELS, bad]);
    await expect(failed).rejects.toThrow(
      /NVRTC does not compile scale.cu with .*-DX=nonsense.*\n.*error.*nonsense/s,
    );
    await expect(failed).rejects.toBeInstanceOf(EnvironmentError);
  });
});

test("what lasts is told now and then, with the time that is left", () => {
  let now = 0;
  const said: string[] = [];
  const advance = meter(
    8,
    (what) => said.push(what),
    () => now,
  );
  for (const at of [500, 1000, 3000, 3500, 4900, 5200, 5300, 9000]) {
    now = at;
    advance();
  }
  expect(said).toEqual(["compiling kernels 3/8, ETA 5 s", "compiling kernels 6/8, ETA 2 s"]);
});
