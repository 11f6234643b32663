/**
 * What runs can be given at the same time: the GPUs this process may use, one each, as CUDA_VISIBLE_DEVICES names them.
 * Where that is set (by a person, or by Slurm) it is the answer; elsewhere the driver is asked.
 */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";

/** A place for one run. */
export interface Slot {
  /** What its process finds in CUDA_VISIBLE_DEVICES; absent: what this one has. */
  readonly device?: string;
}

/** The devices, none where there are none. */
export const visibleDevices = (
  env: Readonly<Record<string, string | undefined>> = process.env,
  discover: () => readonly string[] = askDriver,
): readonly string[] =>
  env.CUDA_VISIBLE_DEVICES === undefined ? discover() : listed(env.CUDA_VISIBLE_DEVICES);

/** An index, a UUID (also shortened) or a MIG device each; as for CUDA, the first entry that is none of them ends the list. */
function listed(text: string): readonly string[] {
  const names = text.split(",").map((name) => name.trim());
  const end = names.findIndex((name) => !/^(\d+|GPU-[\w-]+|MIG-[\w/-]+)$/.test(name));
  return [...new Set(end < 0 ? names : names.slice(0, end))];
}

/** One slot for each of `jobs` runs; with devices, each has its own, and where there are fewer they are shared in turn. */
export const slots = (jobs: number, devices: readonly string[]): readonly Slot[] =>
  Array.from({ length: jobs }, (_, i) =>
    devices.length === 0 ? {} : { device: devices[i % devices.length]! },
  );

const DRIVER_MS = 10_000;

function askDriver(): readonly string[] {
  const { status, stdout } = spawnSync("nvidia-smi", ["-L"], { encoding: "utf8", timeout: DRIVER_MS });
  if (status === 0) return devicesOf(stdout);
  try {
    return readdirSync("/proc/driver/nvidia/gpus").map((_, i) => String(i));
  } catch {
    return [];
  }
}

/** UUIDs from `nvidia-smi -L`; a GPU that is split into MIG devices is used through them. */
export function devicesOf(listing: string): readonly string[] {
  const devices: string[] = [];
  for (const line of listing.split("\n")) {
    const uuid = /UUID: ((?:GPU|MIG)-[\w/-]+)\)/.exec(line)?.[1];
    if (uuid === undefined) continue;
    if (/^\s*MIG/.test(line) && devices.at(-1)?.startsWith("GPU-")) devices.pop();
    devices.push(uuid);
  }
  return devices;
}
