/** A word of the command line that is YAML, such as `{name: galore-256, plus_one: false}`. */
import { parse } from "yaml";
import { UserError } from "../../lib/errors.ts";

/** `what` says in an error where the word stands. */
export function parseYamlOption(what: string, text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    const [why] = (error as Error).message.split(/ at line \d+|\n/);
    throw new UserError(`${what}: not YAML: ${why}; got ${text}`);
  }
}
