/** How often the kernel has killed a process for want of memory, on this machine and in this container, since it began. */
import { readFileSync } from "node:fs";

/** Linux counts; elsewhere nobody does, and the answer is 0. */
export const oomKills = (): number =>
  Math.max(
    ...["/proc/vmstat", "/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"].map(
      count,
    ),
  );

function count(path: string): number {
  try {
    return Number(/^oom_kill (\d+)$/m.exec(readFileSync(path, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
