/**
 * Nothing leaves the machine but requests for the data that a config names. Libraries that report usage read these
 * variables when they load, so they are set in each process before that, whatever the user's environment has; processes and
 * threads that it starts inherit them.
 */

const SETTINGS = {
  /** ONNX Runtime 1.29 and later, on Linux and macOS (its pull request 27379). */
  ORT_DISABLE_TELEMETRY: "1",
  /** Its name in versions after that (pull request 29843). */
  ORT_TELEMETRY_DISABLED: "1",
  /** https://consoledonottrack.com */
  DO_NOT_TRACK: "1",
} as const;

/** In the main thread: what a worker thread sets, a C library does not see. */
export function disableTelemetry(): void {
  Object.assign(process.env, SETTINGS);
}
