/** A small hub on this machine: the real one's addresses and headers, files on a second host, and faults on demand. */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

export const COMMIT = "a".repeat(40);
export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

export interface Seen {
  readonly host: "hub" | "cdn";
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
}

/** Answers in the place of the server; true if it did. Gets the n-th request to that host, from 0. */
type Fault = (request: IncomingMessage, response: ServerResponse, n: number) => boolean;

export interface FakeHub {
  readonly endpoint: string;
  readonly seen: readonly Seen[];
  /** Of requests for the files' bytes. */
  readonly ranges: () => readonly (string | undefined)[];
  /** The bytes behind a path; may be changed. */
  readonly files: Map<string, Uint8Array>;
  /** What the hub says the sha256 is, where it lies. */
  readonly etags: Map<string, string>;
  onHub?: Fault;
  onCdn?: Fault;
  /** Ranges are not understood: always the whole file. */
  rangeless?: boolean;
}

/** Files of `owner/name` by their paths. */
export async function fakeHub(contents: Readonly<Record<string, Uint8Array>>): Promise<FakeHub> {
  const seen: Seen[] = [];
  const files = new Map(Object.entries(contents));
  const counts = { hub: 0, cdn: 0 };
  const note = (host: "hub" | "cdn", { method = "", url = "", headers }: IncomingMessage) => {
    const range = headers.range;
    seen.push({
      host,
      method,
      path: url,
      range,
      authorization: headers.authorization,
      ifRange: headers["if-range"] as string | undefined,
    });
    return counts[host]++;
  };

  const cdn = await listening((request, response) => {
    const n = note("cdn", request);
    if (hub.onCdn?.(request, response, n)) return;
    const bytes = files.get(decodeURIComponent(request.url!.slice(1)))!;
    send(bytes, request, response, hub.rangeless === true);
  });
  const front = await listening((request, response) => {
    const n = note("hub", request);
    if (hub.onHub?.(request, response, n)) return;
    const [, path = ""] = /^\/datasets\/owner\/name\/resolve\/[^/]+\/(.+)$/.exec(request.url!) ?? [];
    const bytes = files.get(decodeURIComponent(path));
    response.setHeader("X-Repo-Commit", COMMIT);
    if (bytes === undefined) {
      refuse(response, 404, { "X-Error-Code": "EntryNotFound" });
      return;
    }
    response.setHeader("X-Linked-ETag", `"${hub.etags.get(path) ?? sha256(bytes)}"`);
    response.setHeader("X-Linked-Size", bytes.length);
    response.writeHead(302, { location: `${cdn}/${path}` }).end();
  });
  const hub: FakeHub = {
    endpoint: front,
    seen,
    files,
    etags: new Map(),
    ranges: () => seen.filter(({ host }) => host === "cdn").map(({ range }) => range),
  };
  return hub;
}

/** The file, or the part of it that was asked for, as S3 and its like answer. */
export function send(
  bytes: Uint8Array,
  { headers }: IncomingMessage,
  response: ServerResponse,
  rangeless = false,
): true {
  const etag = `"cdn-${sha256(bytes).slice(0, 8)}"`; // not the hub's: each host has its own
  response.setHeader("ETag", etag);
  const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1] ?? Number.NaN);
  const fresh = headers["if-range"] === undefined || headers["if-range"] === etag;
  if (rangeless || Number.isNaN(from) || !fresh) {
    response.writeHead(200, { "content-length": bytes.length }).end(bytes);
  } else if (from >= bytes.length) {
    response.writeHead(416, { "content-range": `bytes */${bytes.length}` }).end();
  } else {
    const range = `bytes ${from}-${bytes.length - 1}/${bytes.length}`;
    response.writeHead(206, { "content-range": range, "content-length": bytes.length - from });
    response.end(bytes.subarray(from));
  }
  return true;
}

export function refuse(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): true {
  response.writeHead(status, headers).end();
  return true;
}

/** Begins the answer as `send` would, then breaks the connection after `count` bytes. */
export function cut(
  bytes: Uint8Array,
  request: IncomingMessage,
  response: ServerResponse,
  count: number,
): true {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  response.setHeader("ETag", `"cdn-${sha256(bytes).slice(0, 8)}"`);
  if (from > 0) response.setHeader("content-range", `bytes ${from}-${bytes.length - 1}/${bytes.length}`);
  response.writeHead(from > 0 ? 206 : 200, { "content-length": bytes.length - from });
  response.write(bytes.subarray(from, from + count), () => setTimeout(() => response.destroy(), 20));
  return true;
}

/** Starts a server that ends with the test; its address. */
export async function listening(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
