/**
 * One request to the hub: follows redirects by hand, so that the token goes to the hub's host alone, and sorts what
 * comes back into answers, faults that may pass (`PassingFault`), and errors. Retries and resuming are elsewhere.
 */
import { EnvironmentError, UserError } from "../../lib/errors.ts";
import { fetchOf } from "./proxy.ts";
import type { HubSettings } from "./settings.ts";

/** Something that may be gone in a while: the network, a busy server. */
export class TransientError extends Error {
  override readonly name = "PassingFault";
  /** How long the server asks to be left alone. */
  readonly retryAfterMs: number;
  constructor(message: string, retryAfterMs = 0) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }
}

export interface Hub {
  readonly settings: HubSettings;
  readonly env: NodeJS.ProcessEnv;
  readonly policy: RequestPolicy;
}

export interface RequestPolicy {
  /** Tries in a row that bring nothing new. */
  readonly attempts: number;
  /** Before the second try; doubled each time. */
  readonly firstWaitMs: number;
  /** So long without a byte, and the connection counts as dead. */
  readonly stallMs: number;
}

export const DEFAULT_POLICY: RequestPolicy = { attempts: 6, firstWaitMs: 1000, stallMs: 60_000 };

/** An answer, and what the hub said of the file on the way to where it lies. */
export interface HubResponse {
  readonly status: number;
  readonly headers: Headers;
  /** X-Linked-ETag or else ETag of the first answer, bare. */
  readonly etag?: string;
  /** X-Linked-Size. */
  readonly size?: number;
  /** X-Repo-Commit. */
  readonly commit?: string;
  readonly body: AsyncIterable<Uint8Array> | null;
  /** Lets go of the connection. */
  end(): void;
}

export interface HubRequest {
  readonly method: "GET" | "HEAD";
  readonly headers?: Readonly<Record<string, string>>;
  /** HEAD: what stands at the first address is enough where it leads to another host. */
  readonly stayOnHub?: boolean;
}

const MAX_REDIRECTS = 10;
const REDIRECTS = [301, 302, 303, 307, 308];

export async function request(hub: Hub, address: string, question: HubRequest): Promise<HubResponse> {
  const { token } = hub.settings;
  const fetch = await fetchOf(hub.env);
  const plain = { "accept-encoding": "identity", "user-agent": "hnorm", ...question.headers };
  let headers: Readonly<Record<string, string>> =
    token === undefined ? plain : { ...plain, authorization: `Bearer ${token}` };
  const abort = new AbortController();
  const watch = stallWatch(abort, hub.policy.stallMs);
  let url = new URL(address);
  const said: { etag?: string; size?: number; commit?: string } = {};
  try {
    for (let hop = 0; hop < MAX_REDIRECTS; hop++) {
      const response = await fetch(url, {
        method: question.method,
        headers,
        redirect: "manual",
        signal: abort.signal,
      });
      watch.alive();
      listen(said, response.headers, hop === 0);
      const location = response.headers.get("location");
      const next =
        REDIRECTS.includes(response.status) && location !== null ? new URL(location, url) : undefined;
      if (next === undefined || (question.stayOnHub && next.origin !== url.origin)) {
        if (!response.ok && next === undefined && response.status !== 416) throw faultOf(response, address);
        return {
          status: response.status,
          headers: response.headers as Headers,
          ...said,
          body: response.body && alive(response.body as unknown as AsyncIterable<Uint8Array>, watch),
          end() {
            watch.stop();
            abort.abort();
          },
        };
      }
      await response.body?.cancel();
      if (next.origin !== url.origin) headers = plain;
      url = next;
    }
    throw new EnvironmentError(`${address}: more than ${MAX_REDIRECTS} redirects`);
  } catch (error) {
    watch.stop();
    abort.abort();
    throw passing(error, address);
  }
}

function listen(
  said: { etag?: string; size?: number; commit?: string },
  headers: Headers,
  first: boolean,
): void {
  const etag = headers.get("x-linked-etag") ?? (first ? headers.get("etag") : null);
  if (etag !== null) said.etag ??= etag.replace(/^W\//, "").replaceAll('"', "");
  const size = headers.get("x-linked-size");
  if (size !== null) said.size ??= Number(size);
  const commit = headers.get("x-repo-commit");
  if (commit !== null) said.commit ??= commit;
}

/** What a status means that is no answer. */
function faultOf({ status, headers }: Response, address: string): Error {
  const code = headers.get("x-error-code");
  const known = code === null ? `status ${status}` : `${code}, status ${status}`;
  if (status === 401 || status === 403)
    return new EnvironmentError(
      `${address}: access denied by the hub (${known}): the dataset is gated, private or missing; accept its terms on the hub and set HF_TOKEN, or log in with \`hf auth login\``,
    );
  if (status === 404) {
    const what = { EntryNotFound: "no such file", RevisionNotFound: "no such revision" }[code ?? ""];
    return new UserError(`${address}: ${what ?? "not found"} (${known})`);
  }
  if (status === 408 || status === 429 || status >= 500)
    return new TransientError(`${address}: ${known}`, retryAfter(headers.get("retry-after")));
  return new EnvironmentError(`${address}: the hub responded with ${known}`);
}

/** `Retry-After`: seconds or a date. */
function retryAfter(text: string | null): number {
  if (text === null) return 0;
  const ms = /^\d+$/.test(text.trim()) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}

/** What fetch throws is about the network, unless it is ours. */
function passing(error: unknown, address: string): unknown {
  if (error instanceof TransientError || error instanceof UserError || error instanceof EnvironmentError)
    return error;
  const { cause, message } = error as Error & { cause?: NodeJS.ErrnoException };
  return new TransientError(`${address}: ${cause?.code ?? cause?.message ?? message}`);
}

interface StallWatch {
  alive(): void;
  stop(): void;
}

/** Ends a request on which nothing has come for so long. */
function stallWatch(abort: AbortController, stallMs: number): StallWatch {
  const end = () => abort.abort(new TransientError(`no data received for ${stallMs / 1000} s`));
  let timer = setTimeout(end, stallMs);
  return {
    alive() {
      clearTimeout(timer);
      timer = setTimeout(end, stallMs);
    },
    stop: () => clearTimeout(timer),
  };
}

async function* alive(body: AsyncIterable<Uint8Array>, watch: StallWatch): AsyncGenerator<Uint8Array> {
  try {
    for await (const bytes of body) {
      watch.alive();
      yield bytes;
    }
  } catch (error) {
    throw passing(error, "connection lost");
  } finally {
    watch.stop();
  }
}
