/**
 * Many `.bin` files as one row of ids, read where it is asked for and never loaded whole. Few files are open at a
 * time, so that a thousand shards do not meet the limit on open files.
 */
import { closeSync, openSync, readSync } from "node:fs";
import { EnvironmentError } from "../../lib/errors.ts";
import type { TokenSequence } from "../token-sequence.ts";
import { DTYPES, type Dtype } from "./index-file.ts";

export interface BinFile {
  readonly path: string;
  readonly tokens: number;
}

const MAX_OPEN = 128;

export function shardSequence(files: readonly BinFile[], dtype: Dtype): TokenSequence {
  const { bytes: width } = DTYPES[dtype];
  const starts: number[] = [];
  let length = 0;
  for (const { tokens } of files) {
    starts.push(length);
    length += tokens;
  }
  const handles = openFiles(files);
  let scratch = new Int32Array(1 << 12); // whole words, so that a view of either width fits
  return {
    length,
    read(start, count, out, at) {
      let f = lastAtMost(starts, start);
      for (let done = 0; done < count; f++) {
        const file = files[f];
        if (file === undefined) throw new RangeError(`token ${start + done} of ${length}`);
        const offset = start + done - starts[f]!;
        const n = Math.min(count - done, file.tokens - offset);
        if (n * width > scratch.byteLength) scratch = new Int32Array(n);
        const ids =
          width === 2 ? new Uint16Array(scratch.buffer, 0, n) : new Int32Array(scratch.buffer, 0, n);
        readExactly(handles(f), file.path, ids, offset * width);
        out.set(ids, at + done);
        done += n;
      }
    },
  };
}

function readExactly(fd: number, path: string, ids: Uint16Array | Int32Array, position: number): void {
  let read = 0;
  while (read < ids.byteLength) {
    const n = readSync(fd, ids, read, ids.byteLength - read, position + read);
    if (n === 0) throw new EnvironmentError(`${path}: ends at byte ${position + read}, before its ids do`);
    read += n;
  }
}

/** File number to an open descriptor; the one opened longest ago is closed when there are too many. */
function openFiles(files: readonly BinFile[]): (f: number) => number {
  const open = new Map<number, number>();
  return (f) => {
    const known = open.get(f);
    if (known !== undefined) return known;
    if (open.size >= MAX_OPEN) {
      const [oldest, fd] = open.entries().next().value!;
      closeSync(fd);
      open.delete(oldest);
    }
    const fd = openOrSay(files[f]!.path);
    open.set(f, fd);
    return fd;
  };
}

function openOrSay(path: string): number {
  try {
    return openSync(path, "r");
  } catch (error) {
    throw new EnvironmentError(`${path}: cannot be read: ${(error as Error).message}`);
  }
}

/** The last i with sorted[i] <= x. */
function lastAtMost(sorted: readonly number[], x: number): number {
  let [low, high] = [0, sorted.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (sorted[middle]! <= x) low = middle;
    else high = middle - 1;
  }
  return low;
}
