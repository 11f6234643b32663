/**
 * The TensorFlow.js engine: the plan walked with TensorFlow.js ops in f32, on whichever of its packages is installed.
 * An optional engine, and an oracle written by someone else. `threads` is TensorFlow's own affair
 * (TF_NUM_INTRAOP_THREADS, read when the library loads); in plain JavaScript there is one.
 * On a CPU a step gives the same bits again (conformance tests it on the package at hand). On a GPU TensorFlow is asked
 * for that too (TF_DETERMINISTIC_OPS), which no test has seen.
 */
import { EnvironmentError } from "../../lib/errors.ts";
import { F32_BYTES } from "../../plan/plan.ts";
import type { Engine } from "../backend.ts";
import { TensorflowDevice } from "./device.ts";
import { type Host, here, type Loaded, load } from "./load.ts";

/** The engine on what `host` finds. */
export function tensorflowOn(host: Host): Engine {
  let loading: Promise<Loaded> | undefined;
  const loaded = () => {
    loading ??= load(host);
    return loading;
  };
  return {
    summary: "f32 by TensorFlow.js: @tensorflow/tfjs-node-gpu, else tfjs-node, else tfjs in plain JavaScript",
    sends: "nothing: TensorFlow.js is not known to report usage",
    nativeOps: new Set(),
    bytes: F32_BYTES,
    async available() {
      const found = await loaded();
      if (!found.ok) return found;
      const { detail, better } = found;
      return better === undefined ? { ok: true, detail } : { ok: true, detail, better };
    },
    async open() {
      const found = await loaded();
      if (!found.ok) throw new EnvironmentError(`engine tensorflow: ${found.why}; ${found.fix}`);
      return new TensorflowDevice(found.tf);
    },
  };
}

export const tensorflow: Engine = tensorflowOn(here);
