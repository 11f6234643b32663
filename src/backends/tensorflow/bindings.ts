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

export const bindings: readonly Binding[] = [
  {
    package: "@tensorflow/tfjs-node-gpu",
    backend: "tensorflow",
    native: true,
    runsOn: "NVIDIA GPUs up to Ampere (nothing in it is for Hopper or newer) with CUDA 11.2 and cuDNN 8.1",
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
    runsOn: "the CPU, in plain JavaScript on one thread: slow",
  },
];

/** The last Node in which util.isNullOrUndefined exists, which the native packages call. */
export const LAST_NODE = 22;

/**
 * Lines for a shell, one for each binding. Without `--save-prod` npm installs no package that package.json names as an
 * optional peer; install scripts are off in hnorm's folder, and the native packages need theirs.
 */
export const howToGet = (wanted: readonly Binding[]): string =>
  wanted
    .map(({ package: name, native, runsOn }) => {
      const scripts = native ? " --ignore-scripts=false" : "";
      return `npm install --no-save --save-prod${scripts} ${name}@${VERSION}  # ${native ? `Node 20 to ${LAST_NODE}` : "any Node"}; ${runsOn}`;
    })
    .join("\n");
