/** Small real corpora for the tests of the data room: folders of files, and npm tarballs made by hand. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll } from "vitest";

/** A folder that goes away after the file's tests. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "hnorm-data-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function writeFiles(folder: string, files: Readonly<Record<string, string | Uint8Array>>): string {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
}

/** C4's line shape. */
export function jsonLines(texts: readonly string[]): string {
  return texts
    .map((text) => `${JSON.stringify({ text, timestamp: "2019-04-25T12:57:54Z", url: "u" })}\n`)
    .join("");
}

export function tgz(files: Readonly<Record<string, string>>): Buffer {
  const entries = Object.entries(files).map(([path, content]) =>
    tarEntry(`package/${path}`, Buffer.from(content)),
  );
  return gzipSync(Buffer.concat([...entries, Buffer.alloc(1024)]));
}

/** One ustar entry; a path over 100 bytes is divided into prefix and name at its last folder. */
export function tarEntry(path: string, content: Buffer, type = "0"): Buffer {
  const cut = path.length > 100 ? path.lastIndexOf("/") : -1;
  const header = Buffer.alloc(512);
  header.write(path.slice(cut + 1), 0);
  header.write("0000644\0", 100);
  header.write(`${content.length.toString(8).padStart(11, "0")}\0`, 124);
  header.write(" ".repeat(8), 148);
  header.write(type, 156);
  header.write("ustar\x0000", 257, "latin1");
  if (cut > 0) header.write(path.slice(0, cut), 345);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}
