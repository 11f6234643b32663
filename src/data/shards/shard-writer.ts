/**
 * Writes documents into pairs of `.bin` and `.idx`, a new pair where the next document would overfill one: no
 * document is ever divided. Everything goes to temporaries that get their names once the disk has them.
 */
import { createHash } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { basename } from "node:path";
import { writeFileSynced } from "../../lib/fs-atomic.ts";
import { sha256 } from "../../lib/hash.ts";
import { writeAll } from "../../lib/write-all.ts";
import type { EncodedBatch } from "../encode/encoder.ts";
import type { Tokens } from "../token-sequence.ts";
import { type Dtype, indexBytes } from "./index-file.ts";
import type { ShardFacts } from "./manifest.ts";

export interface ShardWriter {
  append(batch: EncodedBatch): Promise<void>;
  /** Names the last pair and says what was written. */
  finish(): Promise<readonly ShardFacts[]>;
  /** Removes what has no name yet. */
  abandon(): Promise<void>;
}

/** `stem`: a path to which `-00.bin` and `-00.idx` are added. */
export function shardWriter(stem: string, dtype: Dtype, maxTokens: number): ShardWriter {
  const done: ShardFacts[] = [];
  let pair: OpenPair | undefined;
  const close = async () => {
    if (pair !== undefined) done.push(await pair.finish());
    pair = undefined;
  };
  return {
    async append({ ids, lengths }) {
      let [from, to, first] = [0, 0, 0];
      const put = async (until: number) => {
        if (until === first) return;
        pair ??= await openPair(`${stem}-${String(done.length).padStart(2, "0")}`, dtype);
        await pair.write(ids.subarray(from, to), lengths.subarray(first, until));
        [from, first] = [to, until];
      };
      for (let d = 0; d < lengths.length; d++) {
        const held = (pair?.tokens() ?? 0) + to - from;
        if (held > 0 && held + lengths[d]! > maxTokens) {
          await put(d);
          await close();
        }
        to += lengths[d]!;
      }
      await put(lengths.length);
    },
    async finish() {
      await close();
      return done;
    },
    abandon: async () => pair?.abandon(),
  };
}

type OpenPair = Awaited<ReturnType<typeof openPair>>;

/** What an interrupted preparation leaves; swept away by the next. */
export const TEMPORARY = ".tmp";

async function openPair(path: string, dtype: Dtype) {
  const temporary = { bin: `${path}.bin${TEMPORARY}`, idx: `${path}.idx${TEMPORARY}` };
  const file = await open(temporary.bin, "wx");
  const hash = createHash("sha256");
  const lengths: number[] = [];
  let [tokens, bytes] = [0, 0];
  return {
    tokens: () => tokens,
    async write(ids: Tokens, documents: Uint32Array): Promise<void> {
      const piece = new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength);
      hash.update(piece);
      await writeAll(file, piece);
      for (const length of documents) lengths.push(length);
      tokens += ids.length;
      bytes += piece.length;
    },
    async finish(): Promise<ShardFacts> {
      await file.sync();
      await file.close();
      const index = indexBytes(lengths, dtype);
      await writeFileSynced(temporary.idx, index);
      await rename(temporary.bin, `${path}.bin`);
      await rename(temporary.idx, `${path}.idx`);
      return {
        file: basename(path),
        tokens,
        documents: lengths.length,
        bin: { bytes, sha256: hash.digest("hex") },
        idx: { bytes: index.length, sha256: sha256(index) },
      };
    },
    async abandon(): Promise<void> {
      await file.close();
      await rm(temporary.bin, { force: true });
    },
  };
}
