/**
 * `hf://datasets/OWNER/NAME[@REVISION]/PATH`, as huggingface_hub writes it (its HfFileSystem), to files of a dataset.
 * PATH may hold ranges `{00000..00003}` and choices `{a,b}`; `*` only where the list of files is known without asking.
 */
import { nearest } from "../../lib/suggest.ts";
import { globMatcher } from "../glob.ts";
import { checksums, PINNED } from "./checksums.ts";

/** One file of a dataset on the hub. */
export interface HubFile {
  /** `OWNER/NAME`. */
  readonly repo: string;
  /** A commit, or the name of a branch or tag. */
  readonly revision: string;
  readonly path: string;
}

const REFERENCE = /^hf:\/\/datasets\/([\w.-]+\/[\w.-]+)(?:@([^/]+))?\/(.+)$/;
/** More files than this are surely a slip. */
const MAX_FILES = 100_000;

export const isHubReference = (text: string): boolean => /^hf:/i.test(text);

/** The files that a reference names, sorted, each once; or what is wrong with it. */
export function hubFiles(text: string): readonly HubFile[] | string {
  const [, repo, written, pattern] = REFERENCE.exec(text) ?? [];
  if (repo === undefined || pattern === undefined)
    return `got "${text}"; expected hf://datasets/OWNER/NAME/PATH or hf://datasets/OWNER/NAME@REVISION/PATH`;
  const revision = written === undefined ? (PINNED[repo] ?? "main") : decoded(written);
  if (revision === undefined || !isPlainPath(revision) || !isPlainPath(repo))
    return `got "${text}"; ${revision !== undefined && isPlainPath(revision) ? repo : `"${written}"`} is no name that the hub has`;
  const unfolded = unfold(pattern);
  if (typeof unfolded === "string") return unfolded;
  const paths = new Set<string>();
  for (const path of unfolded) {
    if (!/[*?[]/.test(path)) paths.add(path);
    else {
      const known = [...checksums(repo).keys()];
      if (known.length === 0)
        return `"${path}": files are known in advance for allenai/c4 only; write a range such as {00000..00003}`;
      const matches = known.filter(globMatcher(path));
      if (matches.length === 0) return `no file of ${repo} matches "${path}"${guess(path, known)}`;
      for (const match of matches) paths.add(match);
    }
  }
  const odd = [...paths].find((path) => !isPlainPath(path));
  if (odd !== undefined)
    return `"${odd}" is no path of a file: expected names between single slashes, without . and ..`;
  return [...paths].sort((a, b) => (a < b ? -1 : 1)).map((path) => ({ repo, revision, path }));
}

/** A branch such as `refs%2Fconvert%2Fparquet`; undefined where the escapes are none. */
function decoded(written: string): string | undefined {
  try {
    return decodeURIComponent(written);
  } catch {
    return undefined;
  }
}

/** Names become names of folders: none may lead elsewhere. */
const isPlainPath = (path: string): boolean =>
  path.split("/").every((name) => name !== "" && name !== "." && name !== ".." && !/[\\:\p{Cc}]/u.test(name));

/** `a{08..10}b` -> a08b, a09b, a10b; `a{b,c}d` -> abd, acd. A range keeps the width of its first number. */
function unfold(pattern: string): readonly string[] | string {
  const braces = /\{(?:(\d+)\.\.(\d+)|([^{}]*,[^{}]*))\}/.exec(pattern);
  if (braces === null) return [pattern];
  const [whole, first, last, choices] = braces;
  const [from, to] = [Number(first), Number(last)];
  if (choices === undefined && to < from) return `"${whole}": the range runs backwards`;
  if (choices === undefined && to - from >= MAX_FILES) return `"${whole}": more than ${MAX_FILES} files`;
  const inner =
    choices?.split(",") ??
    Array.from({ length: to - from + 1 }, (_, i) => String(from + i).padStart(first!.length, "0"));
  const unfolded: string[] = [];
  for (const one of inner) {
    const rest = unfold(pattern.slice(0, braces.index) + one + pattern.slice(braces.index + whole.length));
    if (typeof rest === "string") return rest;
    for (const path of rest) unfolded.push(path);
    if (unfolded.length > MAX_FILES) return `"${pattern}": more than ${MAX_FILES} files`;
  }
  return unfolded;
}

function guess(path: string, known: readonly string[]): string {
  const near = nearest(path, known);
  return near === undefined ? "" : `; did you mean ${near}?`;
}

/** How messages call a file. */
export const nameOf = ({ repo, path }: HubFile): string => `${repo}/${path}`;
