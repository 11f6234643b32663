import { availableParallelism, totalmem } from "node:os";
import { relative, sep } from "node:path";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Folders of tests, those that take longest first: what comes last is short, and no process waits for another. */
const ORDER = ["slurm", "cuda", "e2e", "conformance"];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = ORDER.indexOf(relative("tests", moduleId).split(sep)[0] ?? "");
      return at < 0 ? ORDER.length : at;
    };
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => rank(a) - rank(b));
  }
}

/** What a worker and the processes it starts may take at their peak. */
const WORKER_BYTES = 2 * 2 ** 30;

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    globalSetup: ["tests/build-once.ts"],
    // For what hangs: a loaded machine is slow.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Files of one worker share their modules: a third of the time. A test leaves no state behind.
    isolate: false,
    // One more than processors, as many files wait for child processes, leases and a Slurm. The default is one less.
    maxWorkers: Math.max(1, Math.min(availableParallelism() + 1, Math.floor(totalmem() / WORKER_BYTES))),
    sequence: { sequencer: LongestFirst },
  },
});
