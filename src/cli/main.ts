/** The `hnorm` command: parses words, runs one command, turns errors into a message and an exit code. */
import { Command, CommanderError } from "commander";
import { disableTelemetry } from "../lib/disable-telemetry.ts";
import { EXIT, knownError, UserError } from "../lib/errors.ts";
import { isUnderNohup } from "../lib/nohup.ts";
import { packageVersion } from "../lib/package-version.ts";
import { commands } from "./commands/index.ts";
import { type Io, processIo } from "./io.ts";

const EXIT_CODES = `
Exit codes:
  0 ok   2 config or usage   3 some runs failed, missing or changed   4 data differ, or not as expected
  69 engine, data, memory or disk unavailable
  75 saved after SIGTERM, SIGUSR2 or SIGHUP, rerun to resume   130 interrupted (saved too)   1 a bug in hnorm`;

/** Runs `hnorm ARGS`; sets the process's exit code. */
export async function main(args: readonly string[], io: Io = processIo()): Promise<void> {
  disableTelemetry();
  if (isUnderNohup()) process.on("SIGHUP", () => {}); // which Node has undone
  const program = new Command("hnorm")
    .description("Which normalization strategy trains best at this scale, and why?")
    .version(packageVersion())
    .showHelpAfterError("(hnorm --help lists the commands)")
    .addHelpText("after", EXIT_CODES)
    .configureOutput({
      writeOut: (text) => io.out(text.trimEnd()),
      writeErr: (text) => io.log(text.trimEnd()),
    })
    .exitOverride();
  const asked = args.find((word) => !word.startsWith("-") && word !== "help");
  for (const [name, { about, load }] of Object.entries(commands)) {
    const command = program.command(name, { hidden: about === undefined }).description(about ?? "");
    if (name === asked) (await load())(command, io);
  }

  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    process.exitCode = report(error, io);
  }
}

/** Says what went wrong and returns the exit code: a known error in its own words, a bug with its stack. */
function report(error: unknown, io: Io): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.config;
  const known = knownError(error);
  if (known !== undefined) {
    io.log(known.message);
    return known instanceof UserError ? EXIT.config : EXIT.unavailable;
  }
  io.log(`hnorm: unexpected: ${error instanceof Error ? error.stack : String(error)}`);
  return EXIT.bug;
}
