/** What the driver's error codes mean to a user. Where the machine is at fault it is an EnvironmentError, else a bug. */
import { EnvironmentError } from "../../../lib/errors.ts";
import { CUDA_ERROR as E } from "./constants.ts";

const INTACT = "the run's last checkpoint is intact, and the same command goes on from it";
const LOST = `the GPU is lost to this process: see \`nvidia-smi\` and \`dmesg | grep -i xid\`, have it reset, and start again; ${INTACT}`;

const KERNEL = `a kernel failed on the GPU, by a fault of it or of hnorm: ${LOST}`;
const OLD_DRIVER =
  "the driver does not take the kernels that NVRTC made: install a newer driver, or NVRTC of its CUDA version";

/** The driver's result codes that a user can do something about, and what. */
const FIXES: Readonly<Record<number, string>> = {
  [E.CUDA_ERROR_OUT_OF_MEMORY]: `the GPU is out of memory: use a smaller train.micro_batch_size or model.seq_len, or end what else runs on it (\`nvidia-smi\`); ${INTACT}`,
  [E.CUDA_ERROR_NOT_INITIALIZED]: "the driver did not start: see `nvidia-smi`",
  [E.CUDA_ERROR_STUB_LIBRARY]:
    "libcuda is the toolkit's stub, not the driver's: take the stubs folder out of LD_LIBRARY_PATH",
  [E.CUDA_ERROR_CALL_REQUIRES_NEWER_DRIVER]: "the driver is too old for this library: install a newer one",
  [E.CUDA_ERROR_DEVICE_UNAVAILABLE]:
    "the GPU is taken by another process in exclusive mode, or switched off: see `nvidia-smi`",
  [E.CUDA_ERROR_NO_DEVICE]: "no GPU is visible: see `nvidia-smi` and CUDA_VISIBLE_DEVICES",
  [E.CUDA_ERROR_INVALID_DEVICE]: "no such GPU: see CUDA_VISIBLE_DEVICES",
  [E.CUDA_ERROR_INVALID_IMAGE]: OLD_DRIVER,
  [E.CUDA_ERROR_UNSUPPORTED_PTX_VERSION]: OLD_DRIVER,
  [E.CUDA_ERROR_NO_BINARY_FOR_GPU]: "the kernels were built for another GPU: empty hnorm's cache folder",
  [E.CUDA_ERROR_ECC_UNCORRECTABLE]: `the GPU's memory has an error it cannot correct (ECC): have the GPU reset or replaced; ${INTACT}`,
  [E.CUDA_ERROR_NVLINK_UNCORRECTABLE]: LOST,
  [E.CUDA_ERROR_CONTAINED]: LOST,
  [E.CUDA_ERROR_OPERATING_SYSTEM]: LOST,
  [E.CUDA_ERROR_LAUNCH_TIMEOUT]: `a kernel ran into the display's time limit: use a GPU without a display; ${INTACT}`,
  [E.CUDA_ERROR_HARDWARE_STACK_ERROR]: LOST,
  [E.CUDA_ERROR_ILLEGAL_ADDRESS]: KERNEL,
  [E.CUDA_ERROR_ILLEGAL_INSTRUCTION]: KERNEL,
  [E.CUDA_ERROR_MISALIGNED_ADDRESS]: KERNEL,
  [E.CUDA_ERROR_INVALID_ADDRESS_SPACE]: KERNEL,
  [E.CUDA_ERROR_INVALID_PC]: KERNEL,
  [E.CUDA_ERROR_LAUNCH_FAILED]: KERNEL,
  [E.CUDA_ERROR_NOT_PERMITTED]: "this user may not use the GPU: see the permissions of /dev/nvidia*",
  [E.CUDA_ERROR_SYSTEM_NOT_READY]: "the GPU's system is not ready: is nvidia-fabricmanager running?",
  [E.CUDA_ERROR_SYSTEM_DRIVER_MISMATCH]:
    "the driver's library and its kernel module differ in version: restart the machine",
  [E.CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE]: "this GPU needs a newer driver",
  [E.CUDA_ERROR_UNKNOWN]: LOST,
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

/** The same error, with what was being done. */
export function during(cause: unknown, what: string): Error {
  const error = cause instanceof Error ? cause : new Error(String(cause));
  error.message += `\n  in ${what}`;
  return error;
}
