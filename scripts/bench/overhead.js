// What a sweep's bookkeeping costs a step: CSV rows, the log, events to the parent, the lease's heartbeat; no checkpoints.
// Twice: a whole run against the same steps bare, in turn, which on a busy machine cannot tell 1 % from nothing; and the
// bookkeeping alone, over many steps, in CPU time against a bare step's, which can.
import { fork } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { launch } from "../../dist/local/launch.js";
import { loadSweep } from "../../dist/sweep/expand.js";

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const CHILD = path("overhead-child.js");
const STEPS = 60;
/** Steps at the beginning that are not counted. */
const WARMUP = 5;
const BOOK_STEPS = 3000;
/** The model and the log of quick.yaml, on data that need no network. */
const OVERRIDES = [
  ...["norm=pre", "data={source: {name: markov, symbols: 257, validation_sequences: 8}}", "eval.tokens=1024"],
  ...["eval.every=null", "checkpoint.minutes=null", `train.steps=${STEPS}`],
];

export const overhead = {
  summary: "the bookkeeping of a sweep per step of quick.yaml's model, checkpoints aside",

  async run({ rounds, threads }) {
    const [spec] = loadSweep(path("../../configs/quick.yaml"), [
      ...OVERRIDES,
      `engine.threads=${threads}`,
    ]).runs;
    const measured = [];
    for (let round = 1; round <= rounds; round++) {
      const dir = mkdtempSync(join(tmpdir(), "hnorm-bench-"));
      try {
        const work = { spec, dir: join(dir, "run"), data: { baseDir: dir, cacheDir: join(dir, "cache") } };
        const steps = await ask("bare", work);
        const bare = median(steps.ms.slice(WARMUP));
        const whole = median((await wholeRun(work)).slice(WARMUP));
        const book = await ask("book", { ...work, dir: join(dir, "book") }, { steps: BOOK_STEPS });
        measured.push({ whole: whole / bare - 1, book: book.cpu_ms / steps.cpu_ms });
        console.log(
          `  round ${round}  bare ${bare.toFixed(2)} ms/step, in a run ${whole.toFixed(2)} (${percent(whole / bare - 1)} more); ` +
            `CPU: bare ${steps.cpu_ms.toFixed(2)} ms/step, bookkeeping alone ${book.cpu_ms.toFixed(3)} (${percent(book.cpu_ms / steps.cpu_ms)})`,
        );
      } finally {
        rmSync(dir, { recursive: true, force: true });
      }
    }
    const [whole, book] = ["whole", "book"].map((key) => median(measured.map((m) => m[key])));
    console.log(
      `  median: a run's step takes ${percent(whole)} more than a bare one; bookkeeping is ${percent(book)} of its CPU time`,
    );
  },
};

/** Milliseconds of each step of a run in a child process, as the sweep starts it. */
async function wholeRun(work) {
  const { ended } = launch({ entry: path("../../bin/hnorm.js"), work, onEvent: () => {} });
  const { code, stderr } = await ended;
  if (code !== 0) throw new Error(`the run failed: ${stderr}`);
  const rows = readFileSync(join(work.dir, "timing.csv"), "utf8").trim().split("\n").slice(1);
  const wall = rows.map((row) => 1000 * Number(row.split(",")[1]));
  return wall.slice(1).map((time, i) => time - wall[i]);
}

/** What the child answers; its events are taken in, as a sweep would. */
function ask(what, work, options = {}) {
  const child = fork(CHILD);
  child.send({ what, work, options });
  return new Promise((resolve, reject) => {
    child.on("message", (message) => message.kind === "answer" && resolve(message.answer));
    child.on("exit", (code) => reject(new Error(`${what}: exit ${code}`)));
  });
}

const percent = (share) => `${(100 * share).toFixed(2)} %`;

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}
