/** What is to be fetched, known before the first byte: commit, size and checksum, of which none may contradict another. */
import { EnvironmentError } from "../../lib/errors.ts";
import { backOff } from "./bytes.ts";
import { checksums } from "./checksums.ts";
import { type HubFile, nameOf } from "./reference.ts";
import { type Hub, type HubResponse, request, TransientError } from "./request.ts";

export interface FileFacts {
  readonly url: string;
  readonly commit: string;
  readonly bytes: number;
  /** The blob's name: sha256 in hex, or git's sha1 of a small file that lies in the repository itself. */
  readonly etag: string;
}

export const COMMIT = /^[0-9a-f]{40}$/;
const SHA = /^([0-9a-f]{64}|[0-9a-f]{40})$/;

function urlOf({ settings }: Hub, { repo, revision, path }: HubFile): string {
  const inside = path.split("/").map(encodeURIComponent).join("/");
  return `${settings.endpoint}/datasets/${repo}/resolve/${encodeURIComponent(revision)}/${inside}`;
}

/** Asks the hub, and holds its answer against the checksums that are known beforehand. */
export async function factsOf(hub: Hub, file: HubFile, say: (message: string) => void): Promise<FileFacts> {
  const url = urlOf(hub, file);
  const { etag = "", size, commit = file.revision, headers, status } = await head(hub, url, say);
  // A commit is the name of a folder, and a redirect's length is that of its own text.
  if (!COMMIT.test(commit))
    throw new EnvironmentError(
      `${url}: the server names no commit (X-Repo-Commit ${JSON.stringify(commit.slice(0, 80))})`,
    );
  const length = status === 200 ? headers.get("content-length") : null;
  const bytes = size ?? (length === null ? undefined : Number(length));
  if (bytes !== undefined && !(Number.isSafeInteger(bytes) && bytes > 0))
    throw new EnvironmentError(`${url}: the server announces a size of ${bytes} bytes`);
  const known = checksums(file.repo).get(file.path);
  if (known === undefined) {
    if (!SHA.test(etag) || bytes === undefined)
      throw new EnvironmentError(
        `${url}: the server names no checksum and size (ETag "${etag}"); is HF_ENDPOINT a mirror of the hub?`,
      );
    return { url, commit, bytes, etag };
  }
  const other = /^[0-9a-f]{64}$/.test(etag) && etag !== known.sha256;
  if (other || (bytes !== undefined && bytes !== known.bytes))
    throw new EnvironmentError(
      `${nameOf(file)}: the server offers another file (${bytes} bytes, ${etag}) than the published one (${known.bytes} bytes, sha256 ${known.sha256})`,
    );
  return { url, commit, bytes: known.bytes, etag: known.sha256 };
}

async function head(hub: Hub, url: string, say: (message: string) => void): Promise<HubResponse> {
  for (let failures = 1; ; failures++) {
    try {
      const answer = await request(hub, url, { method: "HEAD", stayOnHub: true });
      answer.end();
      return answer;
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      await backOff(hub, error, failures, say);
    }
  }
}
