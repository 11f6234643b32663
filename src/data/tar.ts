/**
 * Reads the regular files of an uncompressed tar: enough of POSIX ustar, pax and GNU long names for what npm
 * packs. No links, no sparse files. https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html
 */

export interface TarFile {
  readonly path: string;
  readonly bytes: Buffer;
}

const BLOCK = 512;

export function* tarFiles(tar: Buffer): Iterable<TarFile> {
  let longPath: string | undefined;
  for (let at = 0; at + BLOCK <= tar.length; ) {
    const header = tar.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) return;
    checkSum(header, at);
    const size = Number.parseInt(text(header, 124, 12), 8);
    const bytes = tar.subarray(at + BLOCK, at + BLOCK + size);
    if (!(bytes.length === size)) throw new Error(`the archive ends inside the entry at byte ${at}`);
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;

    const type = String.fromCharCode(header[156]!);
    if (type === "x") longPath = paxPath(bytes) ?? longPath;
    else if (type === "L") longPath = text(bytes, 0, size);
    else {
      if (type === "0" || type === "\0") yield { path: longPath ?? headerPath(header), bytes };
      longPath = undefined;
    }
  }
}

/** name, or prefix/name where the header is a ustar one. */
function headerPath(header: Buffer): string {
  const name = text(header, 0, 100);
  const prefix = text(header, 257, 5) === "ustar" ? text(header, 345, 155) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

/** The `path` of a pax record list: lines of `LENGTH KEY=VALUE\n`, LENGTH counting bytes of the whole line. */
function paxPath(records: Buffer): string | undefined {
  for (let at = 0; at < records.length; ) {
    const length = Number.parseInt(records.toString("latin1", at, at + 20), 10);
    if (!(length > 0)) return undefined;
    const line = records.toString("utf8", at, at + length - 1);
    const [key = "", value] = [
      line.slice(line.indexOf(" ") + 1, line.indexOf("=")),
      line.slice(line.indexOf("=") + 1),
    ];
    if (key === "path") return value;
    at += length;
  }
  return undefined;
}

/** The header's bytes add up to the number it carries, its own eight bytes counted as spaces. */
function checkSum(header: Buffer, at: number): void {
  let sum = 8 * 0x20;
  for (let i = 0; i < BLOCK; i++) if (i < 148 || i >= 156) sum += header[i]!;
  if (sum !== Number.parseInt(text(header, 148, 8), 8)) throw new Error(`no tar header at byte ${at}`);
}

/** A NUL-terminated field. */
function text(bytes: Buffer, start: number, length: number): string {
  const field = bytes.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.toString("utf8", 0, end === -1 ? field.length : end);
}
