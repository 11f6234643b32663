/**
 * What was found out once on this machine, remembered between processes: a JSON file in the cache folder. Its name is a
 * digest of all that the result depends on (device, driver, libraries, code), so another device, or newer code, finds
 * no result and has to try again.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomicSync } from "./fs-atomic.ts";
import { sha256 } from "./hash.ts";
import { jsonText } from "./json.ts";
import { withLock } from "./with-lock.ts";

export interface ResultFileOptions<T> {
  /** What the file's name begins with. */
  readonly name: string;
  /** All that the result depends on; must survive JSON. */
  readonly dependsOn: readonly unknown[];
  /** The result in a file's content; undefined, or an error, where there is none. */
  readonly parse: (content: unknown) => T | undefined;
}

export class ResultFile<T> {
  readonly path: string;
  readonly #parse: ResultFileOptions<T>["parse"];

  constructor(folder: string, { name, dependsOn, parse }: ResultFileOptions<T>) {
    this.path = join(folder, `${name}-${sha256(JSON.stringify(dependsOn)).slice(0, 16)}.json`);
    this.#parse = parse;
  }

  /** Undefined where there is no such file, or one that is torn or another program's. */
  read(): T | undefined {
    try {
      return this.#parse(JSON.parse(readFileSync(this.path, "utf8")));
    } catch {
      return undefined;
    }
  }

  /** Whole or not at all. Throws where the folder cannot be written. */
  write(content: T): void {
    writeFileAtomicSync(this.path, `${jsonText(content, 1)}\n`);
  }

  /** As `write`; where that fails, nothing is remembered, and the result is found again next time. */
  tryWrite(content: T): void {
    try {
      this.write(content);
    } catch {
      // Only the time is lost.
    }
  }

  /**
   * Runs `work` while no other process does so for this file: whoever had to wait reads what the other has found.
   * `onWait` is called, once, where another is at it. In a folder that takes no lock, each process works by itself.
   */
  async exclusively<R>(work: () => Promise<R>, onWait: () => void): Promise<R> {
    let begun = false;
    const begin = () => {
      begun = true;
      return work();
    };
    return withLock(`${this.path}.lock`, begin, onWait).catch((cause) => {
      if (begun) throw cause;
      return work();
    });
  }
}
