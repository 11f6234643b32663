/** The embedded default engine: the step graph as one ONNX model run by onnxruntime-node, the optimizer in WebAssembly. */
import { disableTelemetry } from "../../lib/disable-telemetry.ts";
import { EnvironmentError } from "../../lib/errors.ts";
import { F32_BYTES } from "../../plan/plan.ts";
import type { Availability, Engine } from "../backend.ts";
import { CpuDevice } from "./device.ts";
import { nativeOps } from "./kernels.ts";
import type { OnnxRuntime } from "./session.ts";

export const cpu: Engine = {
  summary: "f32 on the CPU by ONNX Runtime, the optimizer in WebAssembly SIMD",
  sends:
    process.platform === "win32"
      ? "usage events of ONNX Runtime to Windows (ETW), whose diagnostic data settings decide what leaves the machine"
      : "nothing: ONNX Runtime's telemetry is turned off in every process (ORT_DISABLE_TELEMETRY=1)",
  nativeOps,
  bytes: F32_BYTES,
  async available() {
    const loaded = await load();
    return loaded.ok ? { ok: true, detail: `onnxruntime-node ${loaded.ort.env.versions.node}` } : loaded;
  },
  async open(options) {
    const loaded = await load();
    if (!loaded.ok) throw new EnvironmentError(`engine cpu: ${loaded.why}; ${loaded.fix}`);
    return new CpuDevice(loaded.ort, options);
  },
};

type Loaded =
  | { readonly ok: true; readonly ort: OnnxRuntime }
  | Extract<Availability, { readonly ok: false }>;

async function load(): Promise<Loaded> {
  disableTelemetry();
  try {
    return { ok: true, ort: await import("onnxruntime-node") };
  } catch (cause) {
    const { message, code } = cause as NodeJS.ErrnoException;
    const missing = code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND";
    const platform = `${process.platform} ${process.arch}`;
    return missing && /onnxruntime-node'/.test(message)
      ? {
          ok: false,
          why: "the package onnxruntime-node is not installed",
          fix: "run `npm ci` in the package's folder",
        }
      : {
          ok: false,
          why: `onnxruntime-node does not load on ${platform}: ${message.split("\n")[0]}`,
          fix: "it ships for Linux (glibc 2.28 or newer, x64 and arm64), macOS (arm64) and Windows (x64, arm64); elsewhere use `engine: reference`",
        };
  }
}
