/**
 * Which process this is, in words that another process can check: a pid alone is used again, by another process or
 * after a reboot, and means nothing on another machine or in another container.
 */
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

export interface ProcessIdentity {
  readonly host: string;
  readonly pid: number;
  /** When it began, in clock ticks since boot; null where there is no /proc. */
  readonly started: string | null;
  /** Of this start of the machine; null where it has none. */
  readonly boot: string | null;
  /** Of the machine itself, across reboots. */
  readonly machine: string | null;
  readonly pid_namespace: string | null;
}

/** `unknown`: on another machine, or in a container this process cannot look into. */
export type Liveness = "alive" | "dead" | "unknown";

export const thisProcess = (): ProcessIdentity => ({
  host: hostname(),
  pid: process.pid,
  started: startOf(process.pid) ?? null,
  ...place(),
});

export function liveness(other: ProcessIdentity): Liveness {
  const here = place();
  if (other.host !== hostname()) return "unknown";
  if (other.boot !== here.boot)
    return other.machine !== null && other.machine === here.machine ? "dead" : "unknown"; // rebooted since
  if (other.pid_namespace !== here.pid_namespace) return "unknown";
  if (other.started !== null) return startOf(other.pid) === other.started ? "alive" : "dead";
  return answers(other.pid) ? "alive" : "dead";
}

type Place = Pick<ProcessIdentity, "boot" | "machine" | "pid_namespace">;

const read = (take: () => string): string | null => {
  try {
    return take().trim() || null;
  } catch {
    return null;
  }
};

const place = (): Place => ({
  boot: read(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8")),
  machine: read(() => readFileSync("/etc/machine-id", "utf8")),
  pid_namespace: read(() => readlinkSync("/proc/self/ns/pid")),
});

/** The fields of /proc/PID/stat after the program's name, which may hold spaces: state, parent ...; undefined without any. */
export function statFields(pid: number): readonly string[] | undefined {
  const stat = read(() => readFileSync(`/proc/${pid}/stat`, "utf8"));
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
}

/** Field 22 of /proc/PID/stat; undefined where no such process lives (one that is dead and not yet waited for does not). */
function startOf(pid: number): string | undefined {
  const fields = statFields(pid);
  return fields === undefined || /[ZX]/.test(fields[0]!) ? undefined : fields[19];
}

function answers(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
