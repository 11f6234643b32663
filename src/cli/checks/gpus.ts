/** The GPUs of this machine and their driver, as nvidia-smi says, or where it is silent, as the driver's own files do. */
import { readdirSync, readFileSync } from "node:fs";
import { bytes } from "../../lib/format.ts";
import { runProgram } from "../../lib/program.ts";
import type { Finding } from "./check.ts";

const TIMEOUT_MS = 5000;
const FIELDS = ["index", "name", "memory.total", "memory.free", "driver_version"];

interface Gpu {
  readonly index: number;
  readonly name: string;
  readonly total_bytes: number;
  readonly free_bytes: number;
  readonly driver: string;
}

/** `files`: where the driver tells of itself. */
export async function checkGpus(files = "/proc/driver/nvidia"): Promise<Finding> {
  const query = [`--query-gpu=${FIELDS.join(",")}`, "--format=csv,noheader,nounits"];
  const answer = await runProgram("nvidia-smi", query, TIMEOUT_MS);
  const driver = driverFiles(files);
  if (answer.kind === "answered") {
    const gpus = answer.text.split("\n").flatMap(gpuOf);
    if (gpus.length > 0) return found(gpus);
    return {
      ok: false,
      detail: "nvidia-smi lists none",
      fix: "see what `nvidia-smi` and `dmesg` say; only GPU engines need one",
    };
  }
  const known =
    driver && `driver ${driver.version}${driver.names.length === 0 ? "" : `, ${driver.names.join(", ")}`}`;
  const facts = {
    gpus: driver?.names.map((name, index) => ({ index, name })) ?? [],
    driver: driver?.version ?? null,
  };
  if (answer.kind === "absent")
    return known === undefined
      ? {
          ok: false,
          detail: "none found (no nvidia-smi, no NVIDIA driver)",
          fix: "only GPU engines need one, with NVIDIA's driver",
          facts,
        }
      : { ok: driver!.names.length > 0, detail: `${known} (no nvidia-smi on the PATH)`, facts };
  const said =
    answer.kind === "silent" ? `did not answer within ${TIMEOUT_MS / 1000} s` : `failed: ${answer.why}`;
  const detail = `nvidia-smi ${said}${known === undefined ? "" : ` (${known})`}`;
  return {
    ok: false,
    detail,
    fix: "the driver is not loaded or hangs: see `dmesg`; a restart of the machine or container may be needed",
    facts,
  };
}

function found(gpus: readonly Gpu[]): Finding {
  const each = gpus.map(
    ({ index, name, total_bytes, free_bytes }) =>
      `${index}: ${name}, ${bytes(total_bytes)}, ${bytes(free_bytes)} free`,
  );
  const visible = process.env.CUDA_VISIBLE_DEVICES;
  const limited = visible === undefined ? "" : `; CUDA_VISIBLE_DEVICES=${visible}`;
  const driver = gpus[0]!.driver;
  return {
    ok: true,
    detail: `driver ${driver}; ${each.join("; ")}${limited}`,
    facts: { gpus: gpus.map(({ driver: _, ...gpu }) => gpu), driver, cuda_visible_devices: visible ?? null },
  };
}

/** A line of nvidia-smi; none where it is something else. */
function gpuOf(line: string): readonly Gpu[] {
  const [index = "", name = "", total = "", free = "", driver = ""] = line
    .split(",")
    .map((cell) => cell.trim());
  if (!/^\d+$/.test(index) || !/^\d+(\.\d+)+$/.test(driver)) return [];
  const MIB = 2 ** 20;
  const memory = { total_bytes: MIB * (Number(total) || 0), free_bytes: MIB * (Number(free) || 0) };
  return [{ index: Number(index), name, ...memory, driver }];
}

function driverFiles(
  dir: string,
): { readonly version: string; readonly names: readonly string[] } | undefined {
  try {
    const version = /\s(\d+(?:\.\d+)+)\s/.exec(readFileSync(`${dir}/version`, "utf8"))?.[1] ?? "unknown";
    return { version, names: modelNames(`${dir}/gpus`) };
  } catch {
    return undefined;
  }
}

function modelNames(dir: string): readonly string[] {
  try {
    return readdirSync(dir).flatMap((gpu) => {
      const model = /^Model:\s*(.+)$/m.exec(readFileSync(`${dir}/${gpu}/information`, "utf8"))?.[1];
      return model === undefined ? [] : [model.trim()];
    });
  } catch {
    return [];
  }
}
