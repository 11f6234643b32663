/**
 * One request to the hub: follows redirects by hand, so that the token goes to the hub's host alone, and sorts what
 * comes back into answers, faults that may pass (`TransientError`), and errors. Retries and resuming are elsewhere.
 */
import { EnvironmentError, UserError } from "../../lib/errors.ts";
import { fetchOf } from "./proxy.ts";
import type { HubSettings } from "./settings.ts";

/** Something that may be gone in a while: the network, a busy server. */
export class TransientError extends Error {
  override readonly name = "TransientError";
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
  /** Less than this over `stallMs`, and it counts as dead as well. */
  readonly minBytesPerSecond: number;
}

export const DEFAULT_POLICY: RequestPolicy = {
  attempts: 6,
  firstWaitMs: 1000,
  stallMs: 60_000,
  minBytesPerSecond: 1024,
};

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
  const { token, endpoint } = hub.settings;
  const hubOrigin = new URL(endpoint).origin;
  const fetch = await fetchOf(hub.env);
  const plain = { "accept-encoding": "identity", "user-agent": "hnorm", ...question.headers };
  let headers: Readonly<Record<string, string>> =
    token === undefined ? plain : { ...plain, authorization: `Bearer ${token}` };
  const abort = new AbortController();
  const watch = stallWatch(abort, hub.policy);
  let url = webAddress(address, address);
  const said: { etag?: string; size?: number; commit?: string } = {};
  try {
    for (let hop = 0; hop < MAX_REDIRECTS; hop++) {
      const response = await fetch(url, {
        method: question.method,
        headers,
        redirect: "manual",
        signal: abort.signal,
      });
      watch.received(0);
      if (url.origin === hubOrigin) listen(said, response.headers);
      const location = response.headers.get("location");
      const next =
        REDIRECTS.includes(response.status) && location !== null
          ? webAddress(location, address, url)
          : undefined;
      if (next === undefined || (question.stayOnHub && next.origin !== url.origin)) {
        if (!response.ok && next === undefined && response.status !== 416) throw faultOf(response, address);
        const coding = response.headers.get("content-encoding") ?? "identity";
        if (next === undefined && question.method === "GET" && coding !== "identity")
          throw new EnvironmentError(
            `${address}: the server sends it with Content-Encoding ${coding}, which changes its bytes on the way, though the bare file was asked for`,
          );
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
    throw passing(error, address, token);
  }
}

/** What may be asked: http and https, whatever an address or a redirect says. */
function webAddress(text: string, asked: string, base?: URL): URL {
  const url = URL.canParse(text, base?.href) ? new URL(text, base) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol)) return url;
  const what =
    base === undefined ? "no http or https address" : `redirected to ${JSON.stringify(text.slice(0, 200))}`;
  throw new EnvironmentError(`${asked}: ${what}`);
}

/** What the hub's own answers say, the last one where it was asked twice, as for a repository that was renamed. */
function listen(said: { etag?: string; size?: number; commit?: string }, headers: Headers): void {
  const linked = headers.get("x-linked-etag");
  const etag = linked ?? headers.get("etag");
  if (etag !== null) said.etag = etag.replace(/^W\//, "").replaceAll('"', "");
  const size = headers.get("x-linked-size");
  if (size !== null) said.size = Number(size);
  const commit = headers.get("x-repo-commit");
  if (commit !== null) said.commit = commit;
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
    return new TransientError(`${address}: ${known}`, waitOf(headers));
  return new EnvironmentError(`${address}: the hub responded with ${known}`);
}

/** `Retry-After`, seconds or a date; else the seconds until a quota is filled again, `RateLimit: "api";r=0;t=55`. */
function waitOf(headers: Headers): number {
  const quota = /(?:^|[;,\s])t=(\d+)/.exec(headers.get("ratelimit") ?? "")?.[1];
  const text = headers.get("retry-after") ?? quota ?? null;
  if (text === null) return 0;
  const ms = /^\d+$/.test(text.trim()) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}

/** Faults that no second try mends: certificates, names that do not exist, requests that cannot be made. */
const PERMANENT = /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS|ERR_SSL|^EPROTO$|^ENOTFOUND$|^ERR_INVALID/;

/** What fetch throws is about the network, unless it is ours. No message has the token in it. */
function passing(error: unknown, address: string, token?: string): unknown {
  if (error instanceof TransientError || error instanceof UserError || error instanceof EnvironmentError)
    return error;
  const { cause, message } = error as Error & { cause?: NodeJS.ErrnoException };
  const { code } = cause ?? (error as NodeJS.ErrnoException);
  const told = `${address}: ${code ?? cause?.message ?? message}`.replaceAll(token || "\0", "...");
  const permanent = PERMANENT.test(code ?? "") || (cause === undefined && error instanceof TypeError);
  return permanent ? new EnvironmentError(told) : new TransientError(told);
}

interface StallWatch {
  received(bytes: number): void;
  stop(): void;
}

/** Ends a request on which nothing has come for so long, or too little to ever come to an end. */
function stallWatch(abort: AbortController, { stallMs, minBytesPerSecond }: RequestPolicy): StallWatch {
  const end = (what: string) => abort.abort(new TransientError(what));
  const silent = () => end(`no data received for ${stallMs / 1000} s`);
  let timer = setTimeout(silent, stallMs);
  let inWindow = 0;
  const window = setInterval(() => {
    if (inWindow > 0 && inWindow < (minBytesPerSecond * stallMs) / 1000)
      end(`only ${inWindow} bytes received in ${stallMs / 1000} s`);
    inWindow = 0;
  }, stallMs);
  return {
    received(bytes) {
      inWindow += bytes;
      clearTimeout(timer);
      timer = setTimeout(silent, stallMs);
    },
    stop() {
      clearTimeout(timer);
      clearInterval(window);
    },
  };
}

async function* alive(body: AsyncIterable<Uint8Array>, watch: StallWatch): AsyncGenerator<Uint8Array> {
  try {
    for await (const bytes of body) {
      watch.received(bytes.length);
      yield bytes;
    }
  } catch (error) {
    throw passing(error, "connection lost");
  } finally {
    watch.stop();
  }
}
