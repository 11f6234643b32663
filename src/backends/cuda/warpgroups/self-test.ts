/**
 * The process in which kernels of warpgroups are tested, each beside its baseline by mma.sync: a `SelfTestJob` as JSON
 * is its only argument, and what it finds goes to its parent by messages. A kernel that does not end takes this process
 * with it, and no other.
 */
import { size } from "../../../graph/graph.ts";
import { plan } from "../../../plan/plan.ts";
import type { Device, Floats } from "../../backend.ts";
import type { Gpu } from "../lower/lowering.ts";
import type { WarpgroupKernel } from "../lower/warpgroups.ts";
import type { CommandList } from "../plan/command-list.ts";
import { compile } from "../plan/compile.ts";
import { CudaDevice } from "../run/device.ts";
import { GpuThread } from "../run/gpu-thread.ts";
import { type Case, caseOf, type Extents, numbersFor } from "./cases.ts";
import { largestRowError, type Measurement, type Message, type SelfTestJob, TOLERANCE } from "./result.ts";

/** The best of so many runs of each, in turn. */
const ROUNDS = 8;
const QUIET_MS = 10_000;

/** Variables that have their numbers, which are the same for all kernels. */
const written = new Set<string>();

type Results = Readonly<Record<string, Floats>>;

/** A case as one device computes it. */
interface Ready {
  run(): Promise<Results>;
  /** Milliseconds of the ops that count. */
  time(): Promise<number>;
  close(): Promise<void>;
}

async function readyOn(device: Device, { graph, feeds, spread, ops }: Case): Promise<Ready> {
  for (const { name, tensor } of graph.variables.values()) {
    if (!written.has(name)) {
      device.write(name, tensor.shape, numbersFor(name, size(tensor.shape), spread));
    }
    written.add(name);
  }
  const program = await device.compile(plan(graph));
  return {
    run: () => program.run(feeds),
    async time() {
      const rows = await program.profile!(feeds);
      return rows.filter(({ op }) => ops.includes(op)).reduce((sum, { ms }) => sum + ms, 0);
    },
    close: () => program.close(),
  };
}

const kernelsOf = ({ graph }: Case, used: readonly WarpgroupKernel[]): CommandList["kernels"] =>
  compile(graph, { gpu: gpuWith(used) }).kernels;

const gpuWith = (warpgroups: readonly WarpgroupKernel[]): Gpu => ({ ...thread.gpu, warpgroups });

async function measure(kernel: WarpgroupKernel, { timed, ragged }: Extents): Promise<Measurement> {
  const [baselines, device] = [[], [kernel]].map((used) => new CudaDevice(thread, gpuWith(used)));
  const small = caseOf(kernel, ragged);
  const large = caseOf(kernel, timed);
  const [shared, special] = [[], [kernel]].map((used) => JSON.stringify(kernelsOf(large, used)));
  if (shared === special) return { off: 0 }; // it is not launched for what it is tested on
  const [smallBaseline, largeBaseline] = [await readyOn(baselines!, small), await readyOn(baselines!, large)];
  const [smallResults, largeResults] = [await smallBaseline.run(), await largeBaseline.run()];
  await send({ testing: kernel });
  try {
    const first = await readyOn(device!, small);
    const nearby = farthest(small, await first.run(), smallResults);
    if (!(nearby <= TOLERANCE)) return { off: nearby };
    const own = await readyOn(device!, large);
    const results = await own.run();
    const off = Math.max(nearby, farthest(large, results, largeResults));
    if (!(off <= TOLERANCE)) return { off };
    const ms = await timesOf(largeBaseline, own);
    // Sums are taken in one order, so bits that change tell of a race, however small the change.
    if (farthest(large, await own.run(), results) !== 0) return { why: "its results change from run to run" };
    for (const ready of [smallBaseline, largeBaseline, first, own]) await ready.close();
    return { off, ms };
  } catch (cause) {
    return { why: cause instanceof Error ? cause.message : String(cause) };
  }
}

const farthest = ({ graph }: Case, got: Results, want: Results): number =>
  Math.max(
    ...[...graph.outputs].map(([name, { shape }]) => largestRowError(got[name]!, want[name]!, shape.at(-1)!)),
  );

async function timesOf(baseline: Ready, own: Ready): Promise<[number, number]> {
  let [a, b] = [Infinity, Infinity];
  for (let round = 0; round < ROUNDS; round++) {
    a = Math.min(a, await baseline.time());
    b = Math.min(b, await own.time());
  }
  return [a, b];
}

/** Compiled code is found again by its source. What fails here fails again where it is needed. */
async function compileAhead({ kernels, extents }: SelfTestJob): Promise<void> {
  const needed = kernels.flatMap((kernel) =>
    [extents.timed, extents.ragged].flatMap((sizes) =>
      [[], [kernel]].flatMap((used) => kernelsOf(caseOf(kernel, sizes), used)),
    ),
  );
  await thread.ask({ kind: "prepare", kernels: needed }).catch(() => {});
}

const send = (message: Message): Promise<void> =>
  new Promise((resolve) => process.send!(message, () => resolve()));

// Its parent ends this process when it has heard enough; when nobody hears it any more, it does so itself. Signals to
// all processes of a terminal or a job are no fault of a kernel.
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {});
const job = JSON.parse(process.argv[2]!) as SelfTestJob;
const onProgress = (progress: string) => void send({ progress });
const thread = await GpuThread.start(job.libraries, job.folder, { onProgress, quietMs: QUIET_MS });
if (job.ahead) await compileAhead(job);
for (const kernel of job.kernels)
  await send({ tested: kernel, measurement: await measure(kernel, job.extents) });
