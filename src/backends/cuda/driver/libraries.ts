/**
 * Where NVIDIA's libraries are. The driver's comes with the driver; NVRTC and cuBLASLt come with the CUDA toolkit, and
 * with every pip install of PyTorch. Searched in this order: HNORM_CUDA_LIBRARIES (folders), the system's loader, the
 * toolkit's usual places, Python environments.
 */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { NativeLibrary } from "./ffi.ts";

export interface LibraryKind {
  readonly name: string;
  /** File names, newest first. */
  readonly files: readonly string[];
  /** Folders of its own beside the common ones. */
  readonly folders: readonly string[];
  /** Folders within Python's site-packages. */
  readonly wheels: readonly string[];
  /** Files beside it that it opens by name later, where the loader does not look: they are to be loaded before it. */
  readonly companions?: RegExp;
  readonly fix: string;
}

const WHEELS =
  "`pip install nvidia-cublas nvidia-cuda-nvrtc` (CUDA 12: nvidia-cublas-cu12 nvidia-cuda-nvrtc-cu12)";
const TOOLKIT_FIX = `install the CUDA toolkit 12 or 13, or ${WHEELS}, or set HNORM_CUDA_LIBRARIES to the folder that has it`;

/** Where the three that the engine needs were found. */
export interface LibraryPaths {
  readonly driver: string;
  readonly nvrtc: string;
  readonly cublasLt: string;
}

export const libraryKinds = {
  driver: {
    name: "the NVIDIA driver (libcuda)",
    files: ["libcuda.so.1"],
    folders: [
      "/usr/local/nvidia/lib64",
      "/usr/lib/x86_64-linux-gnu",
      "/usr/lib/aarch64-linux-gnu",
      "/usr/lib64",
      "/usr/lib/wsl/lib",
    ],
    wheels: [],
    fix: "install NVIDIA's driver 550 or newer; in a container, start it with the GPU (docker run --gpus all)",
  },
  nvrtc: {
    name: "NVRTC",
    files: ["libnvrtc.so.13", "libnvrtc.so.12"],
    folders: [],
    wheels: ["nvidia/cu13/lib", "nvidia/cuda_nvrtc/lib"],
    companions: /^libnvrtc-builtins\.so/,
    fix: TOOLKIT_FIX,
  },
  cublasLt: {
    name: "cuBLASLt",
    files: ["libcublasLt.so.13", "libcublasLt.so.12"],
    folders: [],
    wheels: ["nvidia/cu13/lib", "nvidia/cublas/lib"],
    fix: TOOLKIT_FIX,
  },
} as const satisfies Record<string, LibraryKind>;

/**
 * Those that work with a driver, which knows CUDA up to a version (13000 for 13.0): libraries of a newer major version
 * load, but neither start nor make kernels for it. Minor versions do not matter.
 */
export function forDriver(kind: LibraryKind, driverVersion: number): LibraryKind {
  const major = Math.floor(driverVersion / 1000);
  const files = kind.files.filter((file) => Number(/\.so\.(\d+)$/.exec(file)?.[1]) <= major);
  if (files.length === kind.files.length) return kind;
  const why = `the driver knows CUDA up to ${major}, so that ${kind.name} must be of CUDA ${major}, or the driver newer`;
  return { ...kind, files, fix: `${why}: ${kind.fix}` };
}

/** Where to look. Tests bring a machine of their own. */
export interface Host {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Names in a folder; none where there is no such folder. */
  list(folder: string): readonly string[];
  /** Folders where the first Python on the PATH keeps its packages. */
  sitePackages(): readonly string[];
  /** Loads a library; throws what the loader says. */
  open(path: string): NativeLibrary;
}

/** The machine it runs on. */
export const thisHost = (env: Host["env"], open: Host["open"]): Host => ({ env, list, sitePackages, open });

export type Found =
  | { readonly ok: true; readonly library: NativeLibrary }
  | { readonly ok: false; readonly why: string; readonly fix: string };

/** The first candidate that loads. */
export function findLibrary(kind: LibraryKind, host: Host): Found {
  const tried: string[] = [];
  for (const path of candidates(kind, host)) {
    try {
      return { ok: true, library: host.open(path) };
    } catch (cause) {
      const said = (cause as Error).message.split("\n")[0]!.replace(/^Failed to load shared library: /, "");
      tried.push(`  ${path}: ${said}`);
    }
  }
  return { ok: false, why: `${kind.name} was not found`, fix: `${kind.fix}; tried\n${tried.join("\n")}` };
}

/** Loads a library that was found, its companions first: what is loaded, the loader finds by its name alone. */
export function openWhole(
  { companions }: LibraryKind,
  path: string,
  { list, open }: Pick<Host, "list" | "open">,
): NativeLibrary {
  if (companions !== undefined && path.includes("/"))
    for (const name of list(dirname(path))) if (companions.test(name)) open(join(dirname(path), name));
  return open(path);
}

/** In the order of the search, lazily: asking Python is slow. */
function* candidates(kind: LibraryKind, host: Host): Generator<string> {
  const { env } = host;
  const seen = new Set<string>();
  const all = function* (folders: readonly string[]) {
    for (const folder of folders) {
      for (const file of kind.files) {
        const path = join(folder, file);
        if (!seen.has(path)) yield path;
        seen.add(path);
      }
    }
  };
  const given = env.HNORM_CUDA_LIBRARIES?.split(":").filter((f) => f !== "") ?? [];
  yield* all(given);
  yield* kind.files;
  yield* existing(all(kind.folders), host);
  yield* existing(all(toolkits(host)), host);
  const prefixes = [env.VIRTUAL_ENV, env.CONDA_PREFIX].filter((p) => p !== undefined);
  yield* existing(all(prefixes.map((p) => join(p, "lib"))), host);
  if (kind.wheels.length === 0) return;
  const within = (sites: readonly string[]) => sites.flatMap((s) => kind.wheels.map((w) => join(s, w)));
  yield* existing(all(within(prefixes.flatMap((p) => pythons(p, host)))), host);
  yield* existing(all(within(host.sitePackages())), host);
}

/** A path that is not there is no try worth telling. */
function* existing(paths: Iterable<string>, { list }: Host): Generator<string> {
  for (const path of paths) {
    const [folder, file] = [path.slice(0, path.lastIndexOf("/")), path.slice(path.lastIndexOf("/") + 1)];
    if (list(folder).includes(file)) yield path;
  }
}

/** Library folders of CUDA toolkits, the chosen one first, then the newest. */
function toolkits({ env, list }: Host): readonly string[] {
  const installed = list("/usr/local")
    .filter((name) => /^cuda(-[\d.]+)?$/.test(name))
    .sort((a, b) => b.localeCompare(a, "en", { numeric: true }))
    .map((name) => join("/usr/local", name));
  return [env.CUDA_PATH, env.CUDA_HOME, ...installed]
    .filter((root) => root !== undefined)
    .flatMap((root) => [
      join(root, "lib64"),
      ...list(join(root, "targets")).map((t) => join(root, "targets", t, "lib")),
    ]);
}

const pythons = (prefix: string, { list }: Host): readonly string[] =>
  list(join(prefix, "lib"))
    .filter((name) => name.startsWith("python3"))
    .map((name) => join(prefix, "lib", name, "site-packages"));

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

const ASK_PYTHON = "import site; print('\\n'.join([*site.getsitepackages(), site.getusersitepackages()]))";

function sitePackages(): readonly string[] {
  const { stdout } = spawnSync("python3", ["-c", ASK_PYTHON], { encoding: "utf8", timeout: 10_000 });
  return stdout?.split("\n").filter((line) => line !== "") ?? [];
}
