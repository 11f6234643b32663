/** Where a thread's code is: Node 20 starts none from TypeScript, so from src/ the way leads into dist/. */
const ROOT = new URL("../../", import.meta.url).href;

/** `name`: of a file beside the caller, whose import.meta.url is given. */
export function threadFile(caller: string, name: string): URL {
  const compiled = caller.endsWith(".ts") ? caller.replace(`${ROOT}src/`, `${ROOT}dist/`) : caller;
  return new URL(`${name}.js`, compiled);
}
