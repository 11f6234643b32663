/** `--set key=value`, the explicit twin of the `key=value` words after the file name. */
import { Option } from "commander";

export const overrideOption = (): Option =>
  new Option("--set <key=value...>", "override a config key, as key=value").default([], "none");
