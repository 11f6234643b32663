#!/usr/bin/env node
// The launcher: build dist/ where it is missing or older than src/, then run it. No logic of hnorm's own.
import { buildIfStale } from "../scripts/build.js";

buildIfStale();
const { main } = await import("../dist/cli/main.js");
await main(process.argv.slice(2));
