/** `hnorm run-one DIR` (hidden): the child process of a sweep. Takes one run over the message channel, trains it, exits. */
import type { Command } from "commander";
import { child } from "../../local/child.ts";

export function runOneCommand(command: Command): void {
  command.argument("[dir]", "the run's folder, for those who look at processes").action(() => child());
}
