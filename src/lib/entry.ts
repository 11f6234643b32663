/** This program's file, for processes that are to run it again. */
import { fileURLToPath } from "node:url";

export const ENTRY = fileURLToPath(new URL("../../bin/hnorm.js", import.meta.url));
