/** Whether NVIDIA's compiler is here: the reason why not, for the titles of skipped tests. */
import { execFileSync } from "node:child_process";

function whyNot(): string | undefined {
  try {
    execFileSync("nvcc", ["--version"], { stdio: "ignore" });
    return undefined;
  } catch {
    return "nvcc is not installed";
  }
}

export const missing = whyNot();
