/**
 * Whether this process was started by `nohup`. Node gives every signal its default meaning when it starts, so that the one
 * thing nohup does, SIGHUP ignored, cannot be asked for; what else it does can.
 */
import { readFileSync, readlinkSync } from "node:fs";
import { basename } from "node:path";

export const isUnderNohup = (): boolean =>
  basename(process.env._ ?? "") === "nohup" || hasUnreadableInput() || [1, 2].some(isNohupOut);

/** GNU's puts /dev/null, opened for writing only, in the place of a terminal's input. */
function hasUnreadableInput(): boolean {
  const flags = /^flags:\s*([0-7]+)/m.exec(read(() => readFileSync("/proc/self/fdinfo/0", "utf8")))?.[1];
  return flags?.at(-1) === "1" && target(0) === "/dev/null";
}

/** Where a terminal's output goes. */
const isNohupOut = (fd: number): boolean => basename(target(fd)) === "nohup.out";

const target = (fd: number): string => read(() => readlinkSync(`/proc/self/fd/${fd}`));

function read(take: () => string): string {
  try {
    return take();
  } catch {
    return ""; // no /proc here
  }
}
