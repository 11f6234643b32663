/**
 * Node puts terminals back as it has found them when it ends, and aborts where that fails: on one that was closed meanwhile.
 * What is closed before, it leaves alone.
 */
import { closeSync } from "node:fs";
import { isatty } from "node:tty";

/** To be called while they are alive. */
export function closeDeadTerminals(): void {
  const terminals = [0, 1, 2].filter(isatty);
  process.on("exit", () => {
    for (const fd of terminals) {
      if (isatty(fd)) continue;
      try {
        closeSync(fd);
      } catch {
        // closed already
      }
    }
  });
}
