// `hnorm ARGS`, and on stderr's last line what it took: seconds since the process began, of the CPU, and peak memory.
import { performance } from "node:perf_hooks";
import { main } from "../../dist/cli/main.js";

await main(process.argv.slice(2));
process.on("exit", () => {
  const { user, system } = process.cpuUsage();
  const peak_rss_mb = process.resourceUsage().maxRSS / 1000;
  const times = { seconds: performance.now() / 1000, cpu_seconds: (user + system) / 1e6 };
  process.stderr.write(`\n${JSON.stringify({ ...times, peak_rss_mb })}\n`);
});
