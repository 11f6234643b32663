/**
 * Which room may import which, and what only one room may say. The rules are checked on the sources as text, and the
 * checker itself on a small house with every fault in it.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { expect, test } from "vitest";
import { ROLES } from "../src/inits/roles.ts";
import { normFunctions } from "../src/norm-functions/index.ts";
import { norms } from "../src/norms/index.ts";
import { optimizers } from "../src/optim/index.ts";
import { tablesOf } from "../src/probes/active.ts";
import { probes } from "../src/probes/index.ts";

const probeTables = Object.keys(tablesOf(Object.values(probes).map((probe) => ({ probe }))));

/**
 * Room (a folder or a file of src) to the rooms it may import; `types:` where only their types. A file belongs to the
 * longest room that holds it, and may import its own room.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  graph: ["lib"],
  ops: ["graph", "lib"],
  inits: ["types:graph", "lib"],
  equations: ["types:inits"],
  "norm-functions": ["equations", "lib"],
  norms: ["equations", "types:inits", "lib"],
  model: ["norms", "norm-functions", "types:equations", "types:inits", "ops", "graph", "lib"],
  optim: ["ops", "graph", "lib"],
  probes: ["types:model", "ops", "graph", "lib"],
  plan: ["ops", "graph", "lib"],
  "backends/backend.ts": ["types:plan", "types:graph", "lib"],
  "backends/registry.ts": ["backends", "lib"],
  "backends/head-loss.ts": ["ops", "graph", "lib"],
  "backends/reference": ["backends/backend.ts", "plan", "ops", "graph", "lib"],
  "backends/cuda/memory": [], // how values lie on the GPU
  "backends/cuda/driver": ["lib"], // the driver, and the way to its library and others
  "backends/cuda/fuse": ["backends/head-loss.ts", "ops", "graph"],
  "backends/cuda/lower": [
    ...["types:backends/cuda/driver", "types:backends/cuda/fuse", "backends/cuda/memory"],
    ...["ops", "graph", "lib"],
  ],
  "backends/cuda/plan": [
    ...["backends/cuda/lower", "backends/cuda/fuse", "backends/cuda/memory"],
    ...["graph", "lib"],
  ],
  "backends/cuda/kernel-code": ["types:backends/cuda/plan", "backends/cuda/driver", "lib"],
  "backends/cuda/cublaslt": [
    "types:backends/cuda/plan",
    "backends/cuda/driver",
    "backends/cuda/memory",
    "lib",
  ],
  "backends/cuda/run": [
    ...["backends/cuda/cublaslt", "backends/cuda/kernel-code", "backends/cuda/plan", "backends/cuda/lower"],
    ...["backends/cuda/driver", "backends/cuda/memory"],
    ...["types:backends/backend.ts", "types:plan", "graph", "lib"],
  ],
  "backends/cuda/warpgroups": [
    ...["backends/cuda/run", "backends/cuda/plan", "backends/cuda/lower", "backends/cuda/driver"],
    ...["types:backends/backend.ts", "plan", "ops", "graph", "lib"],
  ],
  "backends/cuda": ["types:backends/backend.ts", "types:plan", "lib"], // the engine, of all that is in the folders
  "backends/cpu/onnx": ["types:graph"],
  "backends/cpu/wasm": ["lib"],
  "backends/cpu/lower": ["backends/cpu/onnx", "ops", "graph", "lib"],
  "backends/cpu/fuse": ["backends/cpu/lower", "backends/cpu/onnx", "backends/head-loss.ts", "ops", "graph"],
  "backends/cpu/host": ["types:backends/cpu/wasm", "types:graph", "ops"],
  "backends/cpu": ["backends/backend.ts", "backends/head-loss.ts", "plan", "ops", "graph", "lib"],
  "backends/tensorflow": ["backends/backend.ts", "plan", "ops", "graph", "lib"],
  data: ["lib"],
  protocols: ["types:data", "types:ops", "lib"],
  config: ["norms", "inits", "optim", "probes", "model", "data", "protocols", "backends/registry.ts", "lib"],
  runs: ["types:config", "lib"],
  train: [
    ...[
      "config",
      "data",
      "protocols",
      "runs",
      "optim",
      "norms",
      "inits",
      "model",
      "probes",
      "plan",
      "graph",
      "lib",
    ],
    ...["backends/backend.ts", "backends/registry.ts", "ops/index.ts"], // the list of ops, no op of it
  ],
  sweep: ["config", "runs", "lib"],
  slurm: ["config", "sweep", "runs", "lib"],
  report: ["config", "sweep", "protocols", "runs", "probes", "lib"],
  local: [
    "sweep",
    "train",
    "config",
    "data",
    "runs",
    "probes",
    "backends/backend.ts",
    "backends/registry.ts",
    "lib",
  ],
  cli: [
    ...[
      "local",
      "report",
      "slurm",
      "sweep",
      "train",
      "config",
      "runs",
      "data",
      "protocols",
      "optim",
      "norms",
      "norm-functions",
      "inits",
      "model",
      "probes",
      "plan",
    ],
    ...["graph", "backends", "lib"],
  ],
};

const asked = (names: readonly string[]) => new RegExp(`[=!]== "(${names.join("|")})"`);

/** Words that only one room may say, wherever they stand: in code, in comments, in strings. */
const ONLY_IN: readonly (readonly [words: RegExp, room: string])[] = [
  [/\bconsole\.|process\.(exit\b|exitCode|stdout|stderr)/, "cli"],
  [/nvrtc|cublas|\bwarps?\b/i, "backends/cuda"],
  [/koffi/i, "backends/cuda/driver"],
  [/onnxruntime/i, "backends/cpu"],
  [/tfjs/i, "backends/tensorflow"],
  [/Math\.random/, "nowhere"],
  // No one asks a strategy, a norm function, an optimizer, a parameter's role or a probe its name, nor knows a probe's tables.
  [asked(Object.keys(norms)), "norms"],
  [asked(Object.keys(normFunctions)), "norm-functions"],
  [asked(Object.keys(optimizers)), "optim"],
  [new RegExp(`role [=!]== "(${ROLES.join("|")})"`), "inits"],
  [asked(Object.keys(probes)), "probes"],
  [new RegExp(probeTables.map((table) => table.replace(".", "\\.")).join("|")), "probes"],
];

/** Rooms that touch no disk, clock or process. */
const PURE = [
  ...["graph", "ops", "equations", "norm-functions", "norms", "inits", "model", "plan", "optim", "probes"],
  "backends/reference",
];

const MAX_LINES = 300;

/** Path within src (`norms/pre.ts`) to text. */
type Sources = Readonly<Record<string, string>>;

const within = (path: string, room: string) => path === room || path.startsWith(`${room}/`);

const roomOf = (path: string): string | undefined =>
  Object.keys(MAY_IMPORT)
    .filter((room) => within(path, room))
    .sort((a, b) => b.length - a.length)[0];

/** Everything a text imports or exports from elsewhere, statically or when it runs. */
function importsOf(text: string): readonly { readonly from: string; readonly typesOnly: boolean }[] {
  const statements =
    /^\s*(import|export)\s+(type\s)?[^"';]*?from\s+"([^"]+)"|\bimport\s*\(\s*"([^"]+)"|^import\s+"([^"]+)"/gm;
  return [...text.matchAll(statements)].map(([, , type, from, dynamic, bare]) => ({
    from: (from ?? dynamic ?? bare)!,
    typesOnly: type !== undefined,
  }));
}

/** Everything that is wrong with the sources, one line each. */
function faults(sources: Sources): readonly string[] {
  return Object.entries(sources).flatMap(([path, text]) => {
    const room = roomOf(path);
    if (room === undefined) return [`${path} is in no room of MAY_IMPORT`];
    const allowed = MAY_IMPORT[room]!;
    const found: string[] = [];
    for (const { from, typesOnly } of importsOf(text)) {
      if (from.startsWith("node:") && PURE.includes(room))
        found.push(`${path} imports ${from}, but ${room} is pure`);
      if (!from.startsWith(".")) continue;
      const target = posix.join(posix.dirname(path), from);
      const fits = allowed.some(
        (a) => within(target, a) || (typesOnly && within(target, a.replace("types:", ""))),
      );
      if (!fits && !within(target, room)) found.push(`${path} may not import ${target}`);
    }
    for (const [words, home] of ONLY_IN) {
      const said = words.exec(text)?.[0];
      if (said !== undefined && !within(path, home)) found.push(`${path} says ${said}, which is for ${home}`);
    }
    const lines = text.trimEnd().split("\n").length;
    if (lines > MAX_LINES) found.push(`${path} has ${lines} lines`);
    return found;
  });
}

const SRC = new URL("../src/", import.meta.url).pathname;
const sources: Sources = Object.fromEntries(
  readdirSync(SRC, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => [path.replaceAll("\\", "/"), readFileSync(join(SRC, path), "utf8")]),
);

test("the sources keep to the plan of the house", () => {
  expect(Object.keys(sources).length).toBeGreaterThan(80);
  expect(faults(sources)).toEqual([]);
});

test("numbers that were measured are written by formatters that cannot throw", () => {
  const rooms = ["cli", "local", "train", "report/sections", "report/expectations"];
  const raw = /(?<!Number\([^`"\n]*)\.(toFixed|toPrecision)\(/; // where they round, and do not write, they may
  expect(raw.test("text: ({ loss }) => loss.toFixed(4)")).toBe(true);
  const found = Object.entries(sources).filter(([path, text]) => {
    return rooms.some((room) => within(path, room)) && raw.test(text);
  });
  expect(found.map(([path]) => path)).toEqual([]);
});

test("every import of the sources is seen by the checker", () => {
  for (const [path, text] of Object.entries(sources)) {
    const quoted = [...text.matchAll(/(?:from|import|import\() ?"(\.[^"]+)"/g)].map(([, from]) => from);
    const seen = importsOf(text).map(({ from }) => from);
    expect(
      seen.filter((from) => from.startsWith(".")),
      path,
    ).toEqual(quoted);
  }
});

test("the arrows run one way: no room reaches itself through others", () => {
  const reached = (room: string, seen = new Set<string>()): ReadonlySet<string> => {
    for (const arrow of MAY_IMPORT[room] ?? []) {
      const next = arrow.replace("types:", "");
      if (seen.has(next)) continue;
      seen.add(next);
      reached(next, seen);
    }
    return seen;
  };
  for (const room of Object.keys(MAY_IMPORT)) expect(reached(room).has(room), room).toBe(false);
});

test("no file of an engine imports itself through others", () => {
  const engines = Object.keys(sources).filter((path) => within(path, "backends"));
  expect(engines.flatMap((path) => circle(path) ?? [])).toEqual([]);
});

/** The shortest way from a file back to itself, if there is one. */
function circle(start: string): string | undefined {
  const ways = [[start]];
  const seen = new Set<string>();
  for (const way of ways) {
    const last = way.at(-1)!;
    for (const { from } of importsOf(sources[last] ?? "")) {
      const target = posix.join(posix.dirname(last), from);
      if (!from.startsWith(".") || seen.has(target)) continue;
      if (target === start) return [...way, start].join(" -> ");
      seen.add(target);
      ways.push([...way, target]);
    }
  }
  return undefined;
}

test.each<[fault: string, path: string, text: string]>([
  [
    "norms/x.ts may not import backends/cpu/cpu.ts",
    "norms/x.ts",
    'import { cpu } from "../backends/cpu/cpu.ts";',
  ],
  ["norms/x.ts may not import inits/index.ts", "norms/x.ts", 'import { inits } from "../inits/index.ts";'],
  ["graph/x.ts may not import ops/add.ts", "graph/x.ts", 'export { add } from "../ops/add.ts";'],
  ["data/x.ts may not import runs/paths.ts", "data/x.ts", 'const p = await import("../runs/paths.ts");'],
  ["lib/x.ts may not import data/tar.ts", "lib/x.ts", 'import "../data/tar.ts";'],
  [
    "model/x.ts may not import train/step.ts",
    "model/x.ts",
    'import {\n  a,\n  type B,\n} from "../train/step.ts";',
  ],
  [
    "backends/cpu/x.ts may not import backends/reference/matmul.ts",
    "backends/cpu/x.ts",
    'import { matmul } from "../reference/matmul.ts";',
  ],
  [
    "train/x.ts may not import backends/cpu/cpu.ts",
    "train/x.ts",
    'import type { Cpu } from "../backends/cpu/cpu.ts";',
  ],
  ["attic/x.ts is in no room of MAY_IMPORT", "attic/x.ts", ""],
  ["ops/x.ts imports node:fs, but ops is pure", "ops/x.ts", 'import { readFileSync } from "node:fs";'],
  ["train/x.ts says console., which is for cli", "train/x.ts", 'console.log("step");'],
  ["runs/x.ts says process.exit, which is for cli", "runs/x.ts", "process.exit(1);"],
  ["sweep/x.ts says process.stdout, which is for cli", "sweep/x.ts", "process.stdout.write(s);"],
  [
    "backends/cuda/lower/x.ts may not import backends/cuda/run/store.ts",
    "backends/cuda/lower/x.ts",
    'import type { Store } from "../run/store.ts";',
  ],
  [
    "backends/cuda/run/x.ts says koffi, which is for backends/cuda/driver",
    "backends/cuda/run/x.ts",
    'import koffi from "koffi";',
  ],
  ["plan/x.ts says cuBLAS, which is for backends/cuda", "plan/x.ts", "// as cuBLAS wants it"],
  ["ops/x.ts says warp, which is for backends/cuda", "ops/x.ts", "// one warp per row"],
  ["train/x.ts says onnxruntime, which is for backends/cpu", "train/x.ts", 'from "onnxruntime-node"'],
  ["train/x.ts says tfjs, which is for backends/tensorflow", "train/x.ts", 'from "@tensorflow/tfjs"'],
  ["lib/x.ts says Math.random, which is for nowhere", "lib/x.ts", "const x = Math.random();"],
  ['model/x.ts says === "hybrid", which is for norms', "model/x.ts", 'if (norm === "hybrid") return;'],
  [
    'model/x.ts says === "layernorm", which is for norm-functions',
    "model/x.ts",
    'if (type === "layernorm") x = center(x);',
  ],
  ['optim/x.ts says role !== "norm", which is for inits', "optim/x.ts", 'p.role !== "norm"'],
  ['train/x.ts says === "adamw", which is for optim', "train/x.ts", 'if (name === "adamw") return;'],
  ["lib/x.ts has 301 lines", "lib/x.ts", "//\n".repeat(301)],
])("finds: %s", (fault, path, text) => {
  expect(faults({ [path]: text })).toEqual([fault]);
});

test.each<[path: string, text: string]>([
  ["norms/x.ts", 'import type { InitName } from "../inits/index.ts";\nimport { pre } from "./pre.ts";'],
  ["train/x.ts", 'import { chooseEngine } from "../backends/registry.ts";\n// after the warm-up'],
  ["backends/registry.ts", 'const cpu = async () => (await import("./cpu/cpu.ts")).cpu;'],
  ["backends/cpu/x.ts", 'import { InferenceSession } from "onnxruntime-node";'],
  ["cli/x.ts", 'console.log("done"); process.exitCode = 3;'],
])("finds nothing wrong with %s", (path, text) => {
  expect(faults({ [path]: text })).toEqual([]);
});
