/** SHA-2 digests of texts, bytes and files: what fingerprints, caches and integrity checks are made of. */
import { createHash } from "node:crypto";
import { createReadStream, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** sha256, in hex, of the parts one after another. Texts count as UTF-8. */
export function sha256(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

/** sha256, in hex, of a file's bytes, read in pieces. `fd`: where it is open already; it is closed. */
export async function sha256File(path: string, fd?: number): Promise<string> {
  const hash = createHash("sha256");
  const stream = createReadStream(path, { ...(fd === undefined ? {} : { fd }), highWaterMark: 1 << 20 });
  for await (const chunk of stream) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

/** sha256, in hex, of all files in a folder and those below it, in the order of their paths. */
export function sha256Folder(folder: URL): string {
  const files = readdirSync(fileURLToPath(folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return sha256(...files.map((path) => readFileSync(path)));
}

/** The bytes' sha512 as npm writes it (Subresource Integrity): `sha512-` and base64. */
export function integrityOf(bytes: Uint8Array): string {
  return `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
}
