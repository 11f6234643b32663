/** The packages TensorFlow.js comes in, best first, and how to get each. All are optional peers of version 4.22.0. */

export interface Binding {
  readonly package: string;
  /** TensorFlow.js's own name of the backend it brings. */
  readonly backend: string;
  /** It calls the C library, which its install script downloads from outside the npm registry. */
  readonly native: boolean;
  readonly runsOn: string;
}

export const VERSION = "4.22.0";

export const bindings = [
  {
    package: "@tensorflow/tfjs-node-gpu",
    backend: "tensorflow",
    native: true,
    runsOn:
      "NVIDIA GPUs up to Ampere (none of its code is for Hopper or newer), CUDA 11.2 and cuDNN 8.1 installed",
  },
  {
    package: "@tensorflow/tfjs-node",
    backend: "tensorflow",
    native: true,
    runsOn: "the CPU, by the TensorFlow C library",
  },
  {
    package: "@tensorflow/tfjs",
    backend: "cpu",
    native: false,
    runsOn: "the CPU, in plain JavaScript on one thread: for models of a few thousand parameters",
  },
] as const satisfies readonly Binding[];

/** The last Node in which util.isNullOrUndefined exists, which the native packages call. */
export const LAST_NODE = 22;

/** Install scripts are off by default in this package's folder, and the native packages need theirs. */
export const installing = ({ package: name, native }: Binding): string =>
  `npm install --no-save${native ? " --ignore-scripts=false" : ""} ${name}@${VERSION}`;

/** `COMMAND (what it runs on; which Node)` */
export const howToGet = (binding: Binding): string =>
  `\`${installing(binding)}\` (${binding.runsOn}; ${binding.native ? `Node 20 to ${LAST_NODE}` : "any Node"})`;
