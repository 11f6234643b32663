/**
 * A file's bytes from a place on, over as many requests as it takes: what breaks off is taken up again with Range and
 * If-Range, with longer and longer waits while nothing new comes.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { EnvironmentError } from "../../lib/errors.ts";
import { duration } from "../../lib/format.ts";
import { type Hub, request, TransientError } from "./request.ts";

export interface Piece {
  /** Where in the file these bytes stand. Falls back to 0 where the server begins anew. */
  readonly at: number;
  readonly bytes: Uint8Array;
}

export interface ByteRange {
  readonly url: string;
  readonly bytes: number;
  readonly from: number;
  /** The ETag under which the first bytes came, where that is known: for If-Range. */
  readonly validator?: string | undefined;
  readonly onValidator?: (etag: string) => void;
  readonly log: (message: string) => void;
}

/** Longer than this nobody waits because a server asks for it. */
const MAX_WAIT_MS = 600_000;

export async function* bytesOf(hub: Hub, range: ByteRange): AsyncGenerator<Piece> {
  const { bytes, log } = range;
  let { from: at, validator } = range;
  let furthest = at;
  for (let failures = 0; at < bytes; ) {
    try {
      for await (const piece of pieces()) {
        at = piece.at + piece.bytes.length;
        if (at > bytes)
          throw new EnvironmentError(`${range.url}: received more than the announced ${bytes} bytes`);
        if (at > furthest) [furthest, failures] = [at, 0];
        yield piece;
      }
      if (at < bytes) throw new TransientError(`${range.url}: ended after ${at} of ${bytes} bytes`);
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      failures++;
      await backOff(hub, error, failures, log);
    }
  }

  async function* pieces(): AsyncGenerator<Piece> {
    const ranged = at > 0 ? { range: `bytes=${at}-`, ...(validator ? { "if-range": validator } : {}) } : {};
    const answer = await request(hub, range.url, { method: "GET", headers: ranged });
    try {
      const start = startOf(answer.status, answer.headers, range, at);
      const etag = answer.headers.get("etag");
      if (etag?.startsWith('"') && etag !== validator) {
        validator = etag; // a weak one, W/"...", is no use to If-Range
        range.onValidator?.(etag);
      }
      at = start;
      if (answer.status === 416 || answer.body === null) return;
      for await (const piece of answer.body) {
        yield { at, bytes: piece };
      }
    } finally {
      answer.end();
    }
  }
}

/** Where the answer's bytes begin. An answer about a file of another size is an error. */
function startOf(status: number, headers: Headers, { url, bytes }: ByteRange, asked: number): number {
  const range = headers.get("content-range");
  const total = Number((range === null ? headers.get("content-length") : range.split("/")[1]) ?? bytes);
  if (Number.isFinite(total) && total !== bytes)
    throw new EnvironmentError(`${url}: ${total} bytes where ${bytes} were announced`);
  if (status !== 206) return 0;
  if (range?.startsWith(`bytes ${asked}-`)) return asked;
  throw new EnvironmentError(`${url}: requested bytes from ${asked} on, got Content-Range ${range}`);
}

/** Waits before the next try, or gives up. */
export async function backOff(
  { policy }: Hub,
  fault: TransientError,
  failures: number,
  log: (message: string) => void,
): Promise<void> {
  if (failures >= policy.attempts)
    throw new EnvironmentError(
      `${fault.message}; gave up after ${failures} attempts. Rerun the same command to resume.`,
    );
  if (fault.retryAfterMs > MAX_WAIT_MS)
    throw new EnvironmentError(
      `${fault.message}; the server asks to retry in ${duration(fault.retryAfterMs / 1000)}`,
    );
  const wait = Math.max(fault.retryAfterMs, policy.firstWaitMs * 2 ** (failures - 1));
  log(`${fault.message}; retrying in ${duration(wait / 1000)}`);
  await sleep(wait);
}
