// Samples of every op and the small models, as the tests have them, compiled to run beside dist/ without vitest.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
/** In a bundle these are there already; in the repository they are compiled anew. */
const COMPILED = join(root, ".cache", "conformance");
const SOURCES = ["samples", "run", "nano"];

/** Writes DIR/NAME.js for each, and for the files beside them that they import; DIR lies two folders below the one that holds dist/. */
export async function compileSamples(dir = COMPILED) {
  const { default: ts } = await import("typescript");
  mkdirSync(dir, { recursive: true });
  const names = new Set(SOURCES);
  for (const name of names) {
    const text = readFileSync(join(root, "tests", "conformance", `${name}.ts`), "utf8");
    for (const [, beside] of text.matchAll(/ from "\.\/([\w-]+)\.ts"/g)) names.add(beside);
    const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 };
    const { outputText } = ts.transpileModule(text, { compilerOptions });
    const js = outputText.replaceAll('"../../src/', '"../../dist/').replaceAll('.ts"', '.js"');
    writeFileSync(join(dir, `${name}.js`), js);
  }
  return dir;
}

export async function samples() {
  if (existsSync(join(root, "tests"))) await compileSamples();
  const [all, run, nano] = await Promise.all(SOURCES.map((name) => import(join(COMPILED, `${name}.js`))));
  return { ...all, ...run, ...nano };
}

export const inDist = (path) =>
  import(join(dirname(fileURLToPath(import.meta.url)), "..", "..", "dist", path));
