/** Finds the best TensorFlow.js that is installed and loads it, once; says in plain words why it cannot. */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import type { Availability } from "../backend.ts";
import { type Binding, bindings, howToGet, LAST_NODE } from "./bindings.ts";
import type { Tf } from "./lowering.ts";

/** Where to look, and what Node can do. Tests give folders and Nodes of their own. */
export interface Host {
  /** The path of a package's main file; throws MODULE_NOT_FOUND where it is not installed. */
  resolve(packageName: string): string;
  /** Such as 20.19.0. */
  readonly node: string;
}

export const here: Host = { resolve: createRequire(import.meta.url).resolve, node: process.versions.node };

type Unavailable = Extract<Availability, { readonly ok: false }>;
export type Loaded =
  | { readonly ok: true; readonly tf: Tf; readonly detail: string; readonly better?: string }
  | Unavailable;

/**
 * Read by the C library when it loads, unless the user has set them: no messages but errors that end it, and sums
 * in a fixed order on a GPU too.
 */
const NATIVE_SETTINGS = { TF_CPP_MIN_LOG_LEVEL: "3", TF_DETERMINISTIC_OPS: "1" };

export async function load(host: Host): Promise<Loaded> {
  const found = find(host);
  if (found === undefined) {
    return {
      ok: false,
      why: "TensorFlow.js is not installed",
      fix: `in hnorm's folder run one of
${howToGet(bindings)}`,
    };
  }
  const { binding, path } = found;
  const { package: name, native } = binding;
  if (native && Number.parseInt(host.node, 10) > LAST_NODE) {
    return {
      ok: false,
      why: `${name} does not work on Node ${host.node}: it calls util.isNullOrUndefined, which Node ${LAST_NODE} is the last to have`,
      fix: `run hnorm on Node 20 to ${LAST_NODE}, or ${without(binding)}`,
    };
  }
  if (native) for (const [key, value] of Object.entries(NATIVE_SETTINGS)) process.env[key] ??= value;
  try {
    const module = await import(pathToFileURL(path).href);
    return await ready((module.default ?? module) as Tf, binding);
  } catch (cause) {
    return refused(binding, cause as Error);
  }
}

/** The first binding that is installed, be it broken: a broken one is told, not passed over for a slow one. */
function find(host: Host): { readonly binding: Binding; readonly path: string } | undefined {
  for (const binding of bindings) {
    try {
      return { binding, path: host.resolve(binding.package) };
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw cause;
    }
  }
  return undefined;
}

/** What the native packages add to TensorFlow.js's backend. */
interface NativeBackend {
  readonly isUsingGpuDevice: boolean;
  readonly binding: { readonly TF_Version: string };
}

async function ready(tf: Tf, binding: Binding): Promise<Loaded> {
  tf.enableProdMode(); // no banner, no warnings on the console
  if (!(await tf.setBackend(binding.backend)))
    throw new Error(`its backend ${binding.backend} does not start`);
  await tf.ready();
  const { isUsingGpuDevice: onGpu, binding: library } = tf.backend() as Partial<NativeBackend>;
  const name = `${binding.package} ${tf.version.tfjs}${library ? ` with TensorFlow ${library.TF_Version}` : ""}`;
  if (onGpu) return { ok: true, tf, detail: `${name} on a GPU` };
  const faster = bindings.slice(0, bindings.indexOf(binding));
  const better =
    faster.length > 0
      ? `faster, one of\n${howToGet(faster)}`
      : `it found no GPU that it can use: it is for ${binding.runsOn}; TF_CPP_MIN_LOG_LEVEL=0 shows what it misses`;
  return { ok: true, tf, detail: `${name} on the CPU`, better };
}

function refused(binding: Binding, { message, code }: NodeJS.ErrnoException): Unavailable {
  const { package: name, native } = binding;
  const said = message.split("\n")[0]!.trim();
  const noLibrary =
    native && (code === "ERR_DLOPEN_FAILED" || /native addon|libtensorflow|shared object/i.test(message));
  if (!noLibrary) {
    return {
      ok: false,
      why: `${name} is installed but does not load: ${said}`,
      fix: `install it again, or ${without(binding)}`,
    };
  }
  return {
    ok: false,
    why: `${name} is installed without its native library: ${said}`,
    fix: `\`npm rebuild --ignore-scripts=false ${name}\` downloads it from outside the npm registry, or ${without(binding)}`,
  };
}

/** What remains to a user who cannot mend this binding. */
function without(binding: Binding): string {
  const next = bindings[bindings.indexOf(binding) + 1];
  return next === undefined
    ? "use `engine: cpu`"
    : `\`npm uninstall --no-save ${binding.package}\` and use ${next.package}, or \`engine: cpu\``;
}
