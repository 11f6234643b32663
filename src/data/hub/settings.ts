/** The environment variables of huggingface_hub, with its meanings and its defaults. */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { EnvironmentError } from "../../lib/errors.ts";

export interface HubSettings {
  /** Without a slash at the end. */
  readonly endpoint: string;
  readonly token?: string;
  /** The folder that holds `datasets--OWNER--NAME`. */
  readonly cacheDir: string;
  readonly offline: boolean;
}

export function hubSettings(env: NodeJS.ProcessEnv): HubSettings {
  const of = (...names: readonly string[]) => names.map((name) => env[name]?.trim()).find(Boolean);
  const endpoint = (of("HF_ENDPOINT") ?? "https://huggingface.co").replace(/\/+$/, "");
  if (!/^https?:$/.test(protocolOf(endpoint)))
    throw new EnvironmentError(`HF_ENDPOINT: got "${endpoint}"; expected an http or https address`);
  const home = of("HF_HOME") ?? join(of("XDG_CACHE_HOME") ?? join(homedir(), ".cache"), "huggingface");
  const token =
    of("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN") ?? storedToken(of("HF_TOKEN_PATH") ?? join(home, "token"));
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token))
    throw new EnvironmentError(
      "HF_TOKEN (or the token of `hf auth login`): has a character that no token has, such as a blank or a line break; copy it again",
    );
  return {
    endpoint,
    ...(token === undefined ? {} : { token }),
    cacheDir: of("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE") ?? join(home, "hub"),
    offline: /^(1|on|yes|true)$/i.test(of("HF_HUB_OFFLINE") ?? ""),
  };
}

/** What `hf auth login` has left. */
function storedToken(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim() || undefined;
  } catch {
    return undefined; // nobody is logged in
  }
}

function protocolOf(address: string): string {
  try {
    return new URL(address).protocol;
  } catch {
    return "";
  }
}
