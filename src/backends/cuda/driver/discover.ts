/** Whether this machine can run the engine: libraries, driver, GPU. Quick, and says in plain words what is missing. */

import { bindDriver } from "./driver.ts";
import { GpuUnavailable } from "./failures.ts";
import { loadFfi } from "./ffi.ts";
import { type GpuInfo, lookAt, OLDEST_SM } from "./gpu.ts";
import type { LibraryPaths } from "./libraries.ts";
import { findLibrary, forDriver, type Host, type LibraryKind, libraryKinds, thisHost } from "./libraries.ts";

export type Discovery =
  | { readonly ok: true; readonly gpu: GpuInfo; readonly libraries: LibraryPaths }
  | { readonly ok: false; readonly why: string; readonly fix: string };

/** Looks at the driver and the GPU first: without them the other libraries are of no use, and large to load. */
export async function discover(env: Host["env"]): Promise<Discovery> {
  if (process.platform !== "linux")
    return { ok: false, why: "it runs on Linux only", fix: "on Windows, run hnorm in WSL 2" };
  try {
    const ffi = await loadFfi();
    const host = thisHost(env, ffi.open);
    const find = (kind: LibraryKind) => {
      const found = findLibrary(kind, host);
      if (!found.ok) throw new GpuUnavailable(found.why, found.fix);
      return found.library;
    };
    const driver = find(libraryKinds.driver);
    const gpu = lookAt(bindDriver(ffi, driver));
    if (gpu.sm < OLDEST_SM) {
      const [found, needed] = [gpu.sm, OLDEST_SM].map((sm) => `${Math.floor(sm / 10)}.${sm % 10}`);
      throw new GpuUnavailable(
        `${gpu.name} has compute capability ${found}, too old for bf16 matrix units`,
        `it needs ${needed} or newer (A100, RTX 30 and later)`,
      );
    }
    const libraries = {
      driver: driver.path,
      nvrtc: find(forDriver(libraryKinds.nvrtc, gpu.driverVersion)).path,
      cublasLt: find(forDriver(libraryKinds.cublasLt, gpu.driverVersion)).path,
    };
    return { ok: true, gpu, libraries };
  } catch (cause) {
    if (!(cause instanceof GpuUnavailable)) throw cause;
    return { ok: false, why: cause.why, fix: cause.fix };
  }
}
