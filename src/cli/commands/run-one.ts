/** `hnorm run-one` (hidden): the child process of a sweep. Takes one run over the message channel, trains it, exits. */
import type { Command } from "commander";
import { child } from "../../local/child.ts";

export function runOneCommand(command: Command): void {
  command.action(child);
}
