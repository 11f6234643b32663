/**
 * Which of the library's algorithms computes a matmul: the fastest, timed once on random numbers and remembered on
 * disk, so that one GPU always takes the same one and gives the same bits. With one candidate there is no question.
 */
import { stream as randomStream } from "../../../lib/prng.ts";
import { ResultFile } from "../../../lib/result-file.ts";
import { receive } from "../driver/ffi.ts";
import type { Allocation, GpuSession } from "../driver/gpu.ts";
import { encodeBf16 } from "../memory/bf16.ts";
import { STORAGE_BYTES, type Storage } from "../memory/storage.ts";
import type { CublasLt, Prepared } from "./cublaslt.ts";
import type { Problem } from "./cublaslt-problem.ts";

const TIMED_RUNS = 5;
/** Of the free memory, what timing may take. */
const SHARE = 0.5;

/** By the problem as JSON: the algorithm, in hex. */
type Algorithms = Readonly<Record<string, string>>;

export class Tuner {
  readonly #session: GpuSession;
  readonly #file: ResultFile<Algorithms>;
  readonly #known: Map<string, string>;

  constructor(session: GpuSession, library: Pick<CublasLt, "version">, folder: string) {
    this.#session = session;
    this.#file = new ResultFile(folder, {
      name: "matmul-algorithms",
      dependsOn: [library.version, session.info.name, session.info.sm],
      parse: algorithmsIn,
    });
    this.#known = new Map(Object.entries(this.#file.read() ?? {}));
  }

  /** One of the candidates: the library's favourite where there is no memory to try them in. */
  choose(prepared: Prepared, workspace: number): Uint8Array {
    const { candidates, problem } = prepared;
    if (candidates.length === 1) return candidates[0]!;
    const key = JSON.stringify(problem, Object.keys(problem).sort());
    const remembered = this.#known.get(key);
    const again = candidates.find((algorithm) => hex(algorithm) === remembered);
    if (again !== undefined) return again;
    const fastest = this.#time(prepared, workspace);
    if (fastest === undefined) return candidates[0]!;
    this.#known.set(key, hex(fastest));
    this.#file.tryWrite({ ...this.#file.read(), ...Object.fromEntries(this.#known) });
    return fastest;
  }

  #time({ problem, candidates, run }: Prepared, workspace: number): Uint8Array | undefined {
    const session = this.#session;
    const sizes = operandElements(problem);
    const needed = sizes.a * STORAGE_BYTES[problem.a] + sizes.b * STORAGE_BYTES[problem.b];
    if (needed + sizes.c * STORAGE_BYTES[problem.c] > SHARE * session.freeBytes()) return undefined;
    const [a, b] = [noise(session, problem.a, sizes.a), noise(session, problem.b, sizes.b)];
    const c = session.allocate(sizes.c * STORAGE_BYTES[problem.c]);
    const addresses = { a: a.address, b: b.address, c: c.address };
    const times = candidates.map((algorithm) => timed(session, () => run(addresses, algorithm, workspace)));
    session.synchronize();
    for (const allocation of [a, b, c]) session.free(allocation);
    return candidates[times.indexOf(Math.min(...times))]!;
  }
}

/** Elements from the first to the last of each operand. */
function operandElements(p: Problem): { readonly a: number; readonly b: number; readonly c: number } {
  const more = p.batch - 1;
  return {
    a: more * p.strideA + (p.transA ? p.k : p.m) * p.lda,
    b: more * p.strideB + (p.transB ? p.n : p.k) * p.ldb,
    c: more * p.strideC + p.m * p.ldc,
  };
}

/** Milliseconds of the best of some runs; infinite where the algorithm does not work. */
function timed({ driver, stream }: GpuSession, run: () => void): number {
  const event = () => receive((out) => driver.cuEventCreate(out, 0));
  const [start, end] = [event(), event()];
  let best = Infinity;
  try {
    run();
    for (let i = 0; i < TIMED_RUNS; i++) {
      driver.cuEventRecord(start, stream);
      run();
      driver.cuEventRecord(end, stream);
      driver.cuEventSynchronize(end);
      const ms = new Float32Array(1);
      driver.cuEventElapsedTime(ms, start, end);
      best = Math.min(best, ms[0]!);
    }
  } catch {
    best = Infinity;
  }
  driver.raw.cuEventDestroy_v2(start);
  driver.raw.cuEventDestroy_v2(end);
  return best;
}

const PATTERN = 1 << 16;

/** Normal numbers, the same over and over: zeros would be multiplied faster than real data. */
function noise(session: GpuSession, storage: Storage, elements: number): Allocation {
  const { normal } = randomStream(1, "noise");
  const values = Float32Array.from({ length: PATTERN }, normal);
  const pattern = storage === "bf16" ? encodeBf16(values) : values;
  const allocation = session.allocate(elements * STORAGE_BYTES[storage]);
  const { address, bytes: whole } = allocation;
  const first = Math.min(pattern.byteLength, whole);
  session.upload(address, new Uint8Array(pattern.buffer, pattern.byteOffset, first));
  for (let done = first; done < whole; done *= 2) {
    const bytes = Math.min(done, whole - done);
    session.driver.cuMemcpyDtoDAsync_v2(address + done, address, bytes, session.stream);
  }
  return allocation;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

function algorithmsIn(content: unknown): Algorithms | undefined {
  const entries = Object.entries(content as object);
  return entries.every(([, algorithm]) => typeof algorithm === "string")
    ? Object.fromEntries(entries)
    : undefined;
}
