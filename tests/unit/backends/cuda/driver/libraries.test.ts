/** The library search on a small machine of files: its order, and what it says when nothing is found. */
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import {
  findLibrary,
  forDriver,
  type Host,
  libraryKinds,
  openWhole,
} from "../../../../../src/backends/cuda/driver/libraries.ts";

/** Files exist below a temporary root; those named in `broken` are there but do not load. */
function machine(
  files: readonly string[],
  {
    env = {},
    sites = [],
    broken = [],
  }: { env?: Host["env"]; sites?: readonly string[]; broken?: readonly string[] } = {},
) {
  const root = mkdtempSync(join(tmpdir(), "hnorm-libraries-"));
  for (const file of files) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), "");
  }
  const opened: string[] = [];
  const host: Host = {
    env,
    list(folder) {
      try {
        return readdirSync(join(root, folder));
      } catch {
        return [];
      }
    },
    sitePackages: () => sites,
    open(path) {
      opened.push(path);
      if (!files.includes(path) || broken.includes(path))
        throw new Error(`Failed to load shared library: ${path}: no such file`);
      return { path } as ReturnType<Host["open"]>;
    },
  };
  return { host, opened };
}

const found = (host: Host, kind: keyof typeof libraryKinds = "cublasLt") => {
  const result = findLibrary(libraryKinds[kind], host);
  return result.ok ? result.library.path : result;
};

const EVERYWHERE = [
  "/mine/libcublasLt.so.12",
  "/opt/cuda/lib64/libcublasLt.so.13",
  "/usr/local/cuda-12.4/targets/x86_64-linux/lib/libcublasLt.so.12",
  "/usr/local/cuda-13.0/lib64/libcublasLt.so.13",
  "/venv/lib/python3.12/site-packages/nvidia/cu13/lib/libcublasLt.so.13",
  "/site/nvidia/cublas/lib/libcublasLt.so.12",
];
const env = { HNORM_CUDA_LIBRARIES: "/none:/mine", CUDA_PATH: "/opt/cuda", VIRTUAL_ENV: "/venv" };

test("each place comes before the next: ours, the loader, the toolkits, Python", () => {
  const places = ["/mine/libcublasLt.so.12", "libcublasLt.so.13", ...EVERYWHERE.slice(1)];
  const order = [
    places[0],
    places[1],
    "/opt/cuda/lib64/libcublasLt.so.13",
    "/usr/local/cuda-13.0/lib64/libcublasLt.so.13",
    "/usr/local/cuda-12.4/targets/x86_64-linux/lib/libcublasLt.so.12",
    "/venv/lib/python3.12/site-packages/nvidia/cu13/lib/libcublasLt.so.13",
    "/site/nvidia/cublas/lib/libcublasLt.so.12",
  ];
  const there = new Set([...EVERYWHERE, "libcublasLt.so.13"]);
  for (const expected of order) {
    const { host } = machine([...there], { env, sites: ["/site"] });
    expect(found(host)).toBe(expected);
    there.delete(expected!);
  }
});

test("the newest version first, within a folder and of the loader", () => {
  const files = ["/usr/local/cuda/lib64/libnvrtc.so.12", "/usr/local/cuda/lib64/libnvrtc.so.13"];
  expect(found(machine(files).host, "nvrtc")).toBe(files[1]);
  const { host, opened } = machine(["libnvrtc.so.12"]);
  expect(found(host, "nvrtc")).toBe("libnvrtc.so.12");
  expect(opened).toEqual(["libnvrtc.so.13", "libnvrtc.so.12"]);
});

test("an older driver takes no library of a newer major version", () => {
  const files = ["/usr/local/cuda/lib64/libnvrtc.so.12", "/usr/local/cuda/lib64/libnvrtc.so.13"];
  const at = (version: number, there = files) =>
    findLibrary(forDriver(libraryKinds.nvrtc, version), machine(there).host);
  expect(at(13000)).toMatchObject({ library: { path: files[1] } });
  expect(at(12040)).toMatchObject({ library: { path: files[0] } });
  expect(at(12040, files.slice(1))).toMatchObject({
    ok: false,
    fix: expect.stringMatching(/^the driver knows CUDA up to 12, so that NVRTC must be of CUDA 12/),
  });
});

test("one that is there but does not load is told with its reason, and the search goes on", () => {
  const broken = ["/mine/libcublasLt.so.13"];
  const { host } = machine([...broken, "/site/nvidia/cublas/lib/libcublasLt.so.12"], {
    env,
    sites: ["/site"],
    broken,
  });
  expect(found(host)).toBe("/site/nvidia/cublas/lib/libcublasLt.so.12");
  expect(found(machine(broken, { env, broken }).host)).toMatchInlineSnapshot(`
    {
      "fix": "install the CUDA toolkit 12 or 13, or \`pip install nvidia-cublas nvidia-cuda-nvrtc\` (CUDA 12: nvidia-cublas-cu12 nvidia-cuda-nvrtc-cu12), or set HNORM_CUDA_LIBRARIES to the folder that has it; tried
      /none/libcublasLt.so.13: /none/libcublasLt.so.13: no such file
      /none/libcublasLt.so.12: /none/libcublasLt.so.12: no such file
      /mine/libcublasLt.so.13: /mine/libcublasLt.so.13: no such file
      /mine/libcublasLt.so.12: /mine/libcublasLt.so.12: no such file
      libcublasLt.so.13: libcublasLt.so.13: no such file
      libcublasLt.so.12: libcublasLt.so.12: no such file",
      "ok": false,
      "why": "cuBLASLt was not found",
    }
  `);
});

test("the driver is not looked for in Python's folders", () => {
  const { host, opened } = machine(["/site/nvidia/cu13/lib/libcuda.so.1"], { sites: ["/site"] });
  expect(found(host, "driver")).toMatchObject({
    ok: false,
    why: "the NVIDIA driver (libcuda) was not found",
  });
  expect(opened).toEqual(["libcuda.so.1"]);
});

test("what a library opens by name later is loaded before it, from its own folder", () => {
  const folder = "/site/nvidia/cu13/lib";
  const names = ["libnvrtc.so.13", "libnvrtc-builtins.so.13.0", "libnvrtc-builtins.alt.so.13.0"];
  const { host, opened } = machine(names.map((name) => `${folder}/${name}`));
  expect(openWhole(libraryKinds.nvrtc, `${folder}/libnvrtc.so.13`, host).path).toBe(
    `${folder}/libnvrtc.so.13`,
  );
  expect(opened).toEqual([`${folder}/libnvrtc-builtins.so.13.0`, `${folder}/libnvrtc.so.13`]);
});
