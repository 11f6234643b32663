/** `hnorm config show FILE`: the config as it will run, every default and preset filled in. */
import type { Command } from "commander";
import { readConfig } from "../../config/load.ts";
import { showConfig } from "../../config/show.ts";
import { expand } from "../../sweep/expand.ts";
import type { Io } from "../io.ts";
import { overrideOption } from "../options/overrides.ts";

export function configCommand(command: Command, io: Io): void {
  command
    .command("show")
    .argument("<file>", "a config")
    .argument("[overrides...]", "key=value")
    .addOption(overrideOption())
    .description("print the resolved YAML, or every mistake in the file")
    .action((file: string, overrides: readonly string[], { set }: { set: readonly string[] }) => {
      const config = readConfig(file, [...overrides, ...set]);
      const runs = expand(config).runs.map((run) => run.config);
      io.out(showConfig(config, runs).trimEnd());
    });
}
