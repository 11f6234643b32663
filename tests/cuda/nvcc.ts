/** NVIDIA's compiler: which one is here, and where there is none the reason, for the titles of skipped tests. */
import { execFileSync } from "node:child_process";

/** `13.0`; undefined where it is not installed. */
export const release = releaseOf();

function releaseOf(): string | undefined {
  try {
    const said = execFileSync("nvcc", ["--version"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    return /release (\d+\.\d+)/.exec(said)?.[1] ?? "of an unknown release";
  } catch {
    return undefined;
  }
}

export const missing = release === undefined ? "nvcc is not installed" : undefined;
