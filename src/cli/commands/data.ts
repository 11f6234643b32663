/** `hnorm data prepare|show|verify`: documents to token shards, and what shards hold. */
import { availableParallelism } from "node:os";
import { dirname, resolve } from "node:path";
import type { Command } from "commander";
import { loadPreparation } from "../../config/preparation.ts";
import { openPreparation } from "../../data/prepare-corpus.ts";
import { findPrepared } from "../../data/shards/find.ts";
import { type Manifest, readManifest, shardsOf, totals } from "../../data/shards/manifest.ts";
import { openPair } from "../../data/shards/open.ts";
import { prepare } from "../../data/shards/prepare.ts";
import { pairProblems, verifyFolder } from "../../data/shards/verify.ts";
import { EXIT, UserError } from "../../lib/errors.ts";
import { count, plural } from "../../lib/format.ts";
import { packageVersion } from "../../lib/package-version.ts";
import { dataContext, requireWritable } from "../../local/folders.ts";
import type { Io } from "../io.ts";
import { overrideOption } from "../options/overrides.ts";
import { prepareMeter } from "../progress/prepare-progress.ts";
import { showFolder, showPair } from "../tables/data-show.ts";

export function dataCommand(command: Command, io: Io): void {
  command
    .command("prepare")
    .argument("<file>", "a config with `data:` and `prepare:`")
    .argument("[overrides...]", "key=value")
    .option(
      "--out <dir>",
      "the folder to fill, instead of prepare.out (in HNORM_DATA_DIR, or beside the file)",
    )
    .option("--workers <n>", "threads that tokenize (default: one per processor)")
    .option("--json", "print the counts as JSON")
    .addOption(overrideOption())
    .description("tokenize a corpus into shards; rerun the same command to resume")
    .action(async (file: string, overrides: readonly string[], options: PrepareOptions) => {
      process.exitCode = await runPrepare(file, [...overrides, ...options.set], options, io);
    });
  command
    .command("show")
    .argument("<path>", "a folder of shards, or a pair of .bin and .idx")
    .option("--windows <n>", "windows to decode, of each split", "3")
    .option("--length <n>", "tokens of a window", "64")
    .option("--tokenizer <yaml>", "for a bare pair: its tokenizer, such as gpt2")
    .option("--json", "as JSON")
    .description("print counts, hashes, document lengths and some decoded windows")
    .action(async (path: string, options: ShowOptions) => {
      const windows = {
        count: wholeNumber("--windows", options.windows),
        length: wholeNumber("--length", options.length),
      };
      const found = findPrepared(path, "PATH", dataContext("./here"));
      const show = found.kind === "folder" ? showFolder : showPair;
      io.out(
        await show(found.path, { ...windows, json: options.json === true, tokenizer: options.tokenizer }),
      );
    });
  command
    .command("verify")
    .argument("<path>", "a folder of shards, or a pair of .bin and .idx")
    .description("verify every byte against the manifest; exit code 4 on a mismatch")
    .action(async (path: string) => {
      process.exitCode = await runVerify(path, io);
    });
}

interface PrepareOptions {
  readonly out?: string;
  readonly workers?: string;
  readonly json?: boolean;
  readonly set: readonly string[];
}

interface ShowOptions {
  readonly windows: string;
  readonly length: string;
  readonly tokenizer?: string;
  readonly json?: boolean;
}

async function runPrepare(
  file: string,
  overrides: readonly string[],
  options: PrepareOptions,
  io: Io,
): Promise<number> {
  const given = options.out === undefined ? [] : [`prepare.out=${JSON.stringify(resolve(options.out))}`];
  const { data, prepare: how } = loadPreparation(file, [...overrides, ...given]);
  const workers =
    options.workers === undefined ? availableParallelism() : wholeNumber("--workers", options.workers);
  let said = "";
  const context = dataContext(file, (message) => {
    if (message !== said) io.log(`data: ${message}`);
    said = message;
  });
  const folder = resolve(context.dataDir ?? dirname(resolve(file)), how.out);
  requireWritable(folder);
  const stop = stopSignal(io);
  const meter = prepareMeter(io);
  const opened = await openPreparation(data, { ...context, workers });
  try {
    const manifest = await prepare(
      { source: opened.source, tokenizer: opened.tokenizer, folder, shardTokens: how.shard_tokens },
      {
        encoder: opened.encoder,
        tool: `hnorm ${packageVersion()}`,
        signal: stop.signal,
        onProgress: meter.update,
        onSkipped: (what) => io.log(`data: skipped ${what}`),
      },
    );
    meter.close();
    say(manifest, folder, options.json === true, io);
    return EXIT.ok;
  } catch (error) {
    meter.close();
    if (!stop.signal.aborted) throw error;
    io.log("interrupted; rerun the same command to resume");
    return stop.exitCode();
  } finally {
    stop.close();
    await opened.encoder.close();
  }
}

function say(manifest: Manifest, folder: string, json: boolean, io: Io): void {
  const facts = (["train", "validation"] as const).map((split) => ({
    split,
    ...totals(manifest[split]),
    shards: shardsOf(manifest, split).length,
  }));
  if (json) io.out(JSON.stringify({ folder, fingerprint: manifest.fingerprint, splits: facts }, null, 2));
  for (const { split, tokens, documents, emptyDocuments, skippedLines, shards } of facts) {
    const left = [
      ...(emptyDocuments > 0 ? [`${emptyDocuments} empty documents skipped`] : []),
      ...(skippedLines > 0 ? [`${skippedLines} bad lines skipped`] : []),
    ];
    io.log(
      `data: ${split}: ${count(tokens)} tokens of ${count(documents)} document${documents === 1 ? "" : "s"} in ${plural(shards, "shard")}${left.length > 0 ? ` (${left.join(", ")})` : ""}`,
    );
  }
  io.log(`data: fingerprint ${manifest.fingerprint.slice(0, 12)}; in a training config:`);
  if (!json) io.out(`data: { source: { name: shards, path: ${JSON.stringify(folder)} } }`);
}

async function runVerify(path: string, io: Io): Promise<number> {
  const found = findPrepared(path, "PATH", dataContext("./here"));
  const wrong =
    found.kind === "folder"
      ? await verifyFolder(found.path, (await readManifest(found.path))!, (file) =>
          io.log(`data: reading ${file}`),
        )
      : await verifyPair(found.path);
  for (const line of wrong) io.out(line);
  const sound = found.kind === "folder" ? "no differences" : "index and token ids are consistent";
  io.log(`data: ${wrong.length === 0 ? sound : plural(wrong.length, "difference")}`);
  return wrong.length === 0 ? EXIT.ok : EXIT.mismatch;
}

/** A bare pair has no hashes: it can only fit together. */
async function verifyPair(stem: string): Promise<readonly string[]> {
  const { index } = await openPair(stem);
  return pairProblems(stem, index.dtype === "uint16" ? 2 ** 16 : 2 ** 31);
}

/** The first Ctrl-C stops at the next batch; what is finished stays. */
function stopSignal(io: Io) {
  const controller = new AbortController();
  let code: number = EXIT.interrupted;
  const on = (how: number) => () => {
    if (controller.signal.aborted) process.exit(how);
    code = how;
    io.log("stopping; press Ctrl-C again to stop immediately");
    controller.abort();
  };
  const [interrupt, terminate] = [on(EXIT.interrupted), on(EXIT.terminated)];
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", terminate);
  return {
    signal: controller.signal,
    exitCode: () => code,
    close() {
      process.off("SIGINT", interrupt);
      process.off("SIGTERM", terminate);
    },
  };
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0) return value;
  throw new UserError(`${option}: got ${text}; expected a whole number from 0`);
}
