/** The end-to-end tests run the real bin/hnorm.js, which needs dist/: build it once, before any test. */
import { spawnSync } from "node:child_process";

export default function setup(): void {
  const { status } = spawnSync(process.execPath, ["scripts/build.js"], { stdio: "inherit" });
  if (status !== 0) throw new Error("the build failed");
}
