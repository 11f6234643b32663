/** This package's version. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const PACKAGE = fileURLToPath(new URL("../../package.json", import.meta.url));

export const packageVersion = (): string =>
  (JSON.parse(readFileSync(PACKAGE, "utf8")) as { readonly version: string }).version;
