/** What the driver's error codes mean to a user. Where the machine is at fault it is an EnvironmentError, else a bug. */
import { EnvironmentError } from "../../lib/errors.ts";

const INTACT = "the run's last checkpoint is intact, and the same command goes on from it";
const LOST = `the GPU is lost to this process: see \`nvidia-smi\` and \`dmesg | grep -i xid\`, have it reset, and start again; ${INTACT}`;

/** The driver's result codes (cuda.h, CUresult) that a user can do something about, and what. */
const FIXES: Readonly<Record<number, string>> = {
  2: `the GPU is out of memory: use a smaller train.micro_batch_size or model.seq_len, or end what else runs on it (\`nvidia-smi\`); ${INTACT}`,
  3: "the driver did not start: see `nvidia-smi`",
  34: "libcuda is the toolkit's stub, not the driver's: take the stubs folder out of LD_LIBRARY_PATH",
  36: "the driver is too old for this library: install a newer one",
  46: "the GPU is taken by another process in exclusive mode, or switched off: see `nvidia-smi`",
  100: "no GPU is visible: see `nvidia-smi` and CUDA_VISIBLE_DEVICES",
  101: "no such GPU: see CUDA_VISIBLE_DEVICES",
  209: "the kernels were built for another GPU: empty hnorm's cache folder",
  214: `the GPU's memory has an error it cannot correct (ECC): have the GPU reset or replaced; ${INTACT}`,
  220: LOST,
  226: LOST,
  304: LOST,
  702: `a kernel ran into the display's time limit: use a GPU without a display; ${INTACT}`,
  714: LOST,
  719: `a kernel failed on the GPU, by a fault of it or of hnorm: ${LOST}`,
  800: "this user may not use the GPU: see the permissions of /dev/nvidia*",
  802: "the GPU's system is not ready: is nvidia-fabricmanager running?",
  803: "the driver's library and its kernel module differ in version: restart the machine",
  804: "this GPU needs a newer driver",
  999: LOST,
};

/** The machine is at fault: what is wrong, and what to do about it. */
export class GpuUnavailable extends EnvironmentError {
  readonly why: string;
  readonly fix: string;

  constructor(why: string, fix: string) {
    super(`engine cuda: ${why}; ${fix}`);
    this.why = why;
    this.fix = fix;
  }
}

export interface FailedCall {
  readonly call: string;
  readonly code: number;
  /** `CUDA_ERROR_OUT_OF_MEMORY`, `out of memory`. */
  readonly name: string;
  readonly text: string;
}

export function failure({ call, code, name, text }: FailedCall): Error {
  const said = `${call}: ${name} (${code}), ${text}`;
  const fix = FIXES[code];
  return fix === undefined ? new Error(said) : new GpuUnavailable(said, fix);
}
