// Benchmarks: `npm run bench`, or `npm run bench -- --only step --python /path/to/python --rounds 3`.
// Each is a file in bench/ that measures in child processes of its own and prints a table. Numbers, not tests.
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { data } from "./bench/data.js";
import { moe } from "./bench/moe.js";
import { overhead } from "./bench/overhead.js";
import { step } from "./bench/step.js";
import { sweep } from "./bench/sweep.js";

const benchmarks = { step, moe, data, sweep, overhead };

const { values } = parseArgs({
  options: {
    only: { type: "string", default: Object.keys(benchmarks).join(",") },
    python: { type: "string", default: process.env.HNORM_BENCH_PYTHON },
    rounds: { type: "string", default: "3" },
    steps: { type: "string", default: "6" },
    threads: { type: "string", default: String(availableParallelism()) },
  },
});
const options = {
  python: values.python,
  rounds: Number(values.rounds),
  steps: Number(values.steps),
  threads: Number(values.threads),
};

for (const name of values.only.split(",")) {
  const benchmark = benchmarks[name];
  if (benchmark === undefined) {
    console.error(`bench: no benchmark ${name}; there are: ${Object.keys(benchmarks).join(", ")}`);
    process.exit(2);
  }
  console.log(`${name}: ${benchmark.summary}`);
  await benchmark.run(options);
}
