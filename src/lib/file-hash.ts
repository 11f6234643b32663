/**
 * Hashes of whole files, remembered by what the file system says of them: device, inode, size, and the times of the last
 * change to contents and to inode, in nanoseconds. A file that is changed in any way is read again.
 */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "./fs-atomic.ts";
import { sha256, sha256File } from "./hash.ts";

/** A file changed a moment ago may change again without its times telling: such are not remembered. */
const SETTLED_MS = 2000;

/** Equal as long as nobody has written to the file. */
export async function fileKey(path: string): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  return [dev, ino, size, mtimeNs, ctimeNs].join(":");
}

/** `folder`: where hashes are kept. `hash` and `name` where it is not sha256 of the contents that is wanted. */
export async function rememberedHash(
  path: string,
  folder: string,
  hash: (path: string) => Promise<string> = sha256File,
  name = "sha256",
): Promise<string> {
  const key = `${name}:${await fileKey(path)}`;
  const note = join(folder, sha256(key).slice(0, 32));
  const [known, digest] = (await readFile(note, "utf8").catch(() => "")).split("\n");
  if (known === key && digest !== undefined && /^[0-9a-f]{40,64}$/.test(digest)) return digest;
  const fresh = await hash(path);
  const { mtimeMs, ctimeMs } = await stat(path);
  const settled = Date.now() - Math.max(mtimeMs, ctimeMs) > SETTLED_MS;
  if (settled && `${name}:${await fileKey(path)}` === key)
    await writeFileAtomic(note, `${key}\n${fresh}\n`).catch(() => {}); // a folder that cannot be written to costs time only
  return fresh;
}
