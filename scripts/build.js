// src/ -> dist/ with tsc. `node scripts/build.js` builds; bin/hnorm.js calls buildIfStale() on every start.
// The build goes to a private folder and is renamed into place, so two first starts at once do no harm.
import { spawnSync } from "node:child_process";
import {
  accessSync,
  constants,
  cpSync,
  existsSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const src = join(root, "src");
const dist = join(root, "dist");

export function build() {
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  if (!existsSync(tsc)) {
    console.error(
      "hnorm: not built, and TypeScript is not installed. Run `npm ci` in the package's folder, with dev dependencies.",
    );
    process.exit(69);
  }
  const out = join(root, `.dist-${process.pid}`);
  const started = new Date();
  const args = [tsc, "-p", join(root, "tsconfig.build.json"), "--outDir", out];
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (status !== 0) {
    rmSync(out, { recursive: true, force: true });
    console.error(stdout);
    process.exit(1);
  }
  const isData = (path) => statSync(path).isDirectory() || !path.endsWith(".ts");
  cpSync(src, out, { recursive: true, filter: isData }); // tables that lie beside the code that reads them
  utimesSync(out, started, started);
  const old = `${out}-old`;
  if (existsSync(dist)) renameSync(dist, old);
  renameSync(out, dist);
  rmSync(old, { recursive: true, force: true });
}

export function buildIfStale() {
  if (!existsSync(src)) return; // an installed package ships dist/ alone
  if (existsSync(dist) && newest(src) <= statSync(dist).mtimeMs) return;
  if (!isWritable(root)) {
    const why = existsSync(dist) ? "dist/ is older than src/" : "there is no dist/";
    console.error(`hnorm: ${why}, and ${root} cannot be written to; run \`npm run build\` where it can`);
    process.exit(69);
  }
  console.error("hnorm: building dist/ (only the first time, or after a change in src/) ...");
  build();
}

function isWritable(folder) {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Latest modification time below a folder, in ms: files and folders, so deletions count too. */
function newest(folder) {
  let latest = statSync(folder).mtimeMs;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    latest = Math.max(latest, entry.isDirectory() ? newest(path) : statSync(path).mtimeMs);
  }
  return latest;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) build();
