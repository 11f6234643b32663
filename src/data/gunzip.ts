/**
 * Gzip to bytes as gzip(1) and Python read it (RFC 1952, 2.2): members one after another, zero bytes between and after
 * them are padding, and whatever else stands there is an error. Node's own stream ends in silence at the first zero
 * byte behind a member, members or not.
 */
import { createGunzip, type Gunzip } from "node:zlib";

/** Bytes inflated at once, so that what a hostile file makes of them stays small. */
const PIECE = 1 << 16;
const CHUNK = 1 << 20;

/** Throws zlib's errors, whose code begins with `Z_`. */
export async function* gunzip(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let member = openMember();
  let padding = false;
  try {
    for await (const chunk of chunks) {
      for (let from = 0; from < chunk.length; ) {
        if (padding && chunk[from] === 0) {
          from++;
          continue;
        }
        padding = false;
        const piece = chunk.subarray(from, from + PIECE);
        const taken = await member.write(piece);
        yield* member.output();
        from += taken ?? piece.length;
        if (taken === undefined) continue;
        padding = true;
        member.destroy();
        member = openMember();
      }
    }
    await member.end();
    yield* member.output();
  } finally {
    member.destroy();
  }
}

/** A member, and those that follow it without padding: Node takes them as one. */
function openMember() {
  const inflate: Gunzip = createGunzip({ chunkSize: CHUNK });
  let made: Buffer[] = [];
  let failure: Error | undefined;
  let wake = () => {};
  inflate.on("data", (bytes: Buffer) => void made.push(bytes));
  inflate.on("error", (error) => {
    failure = error;
    wake();
  });
  inflate.on("end", () => wake());
  const settled = (start: (done: () => void) => void) =>
    new Promise<void>((resolve, reject) => {
      wake = () => (failure === undefined ? resolve() : reject(failure));
      if (failure === undefined) start(wake);
      else wake();
    });
  let before = 0;
  return {
    /** Undefined where all was taken; else how much was, up to the padding that follows. */
    async write(piece: Uint8Array): Promise<number | undefined> {
      before = inflate.bytesWritten;
      await settled((done) => inflate.write(piece, done));
      return inflate.readableEnded ? inflate.bytesWritten - before : undefined;
    },
    /** Throws where the last member is not whole. */
    end: () =>
      settled((done) => (inflate.readableEnded || inflate.bytesWritten === 0 ? done() : inflate.end())),
    *output(): Generator<Buffer> {
      const ready = made;
      made = [];
      yield* ready;
    },
    destroy: () => void inflate.destroy(),
  };
}
