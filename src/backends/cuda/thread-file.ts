/** Where a thread's code is: Node 20 starts none from TypeScript, so from src/ the way leads into dist/. */
export function compiledFile(besides: string, name: string): URL {
  const compiled = besides.endsWith(".ts")
    ? besides.replace(/\/src\/(?=backends\/cuda\/)/, "/dist/")
    : besides;
  return new URL(`${name}.js`, compiled);
}
