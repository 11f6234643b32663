/**
 * The `fetch` to use. Node's own heeds HTTP_PROXY, HTTPS_PROXY and NO_PROXY only from Node 22.21 and 24.5 on, and only
 * with NODE_USE_ENV_PROXY=1; where a proxy is named, undici's does on every Node.
 */
import { EnvironmentError } from "../../lib/errors.ts";

type Fetch = typeof globalThis.fetch;

const proxied = new Map<string, Promise<Fetch>>();

export async function fetchOf(env: NodeJS.ProcessEnv): Promise<Fetch> {
  const of = (name: string) => env[name.toLowerCase()] || env[name] || "";
  const [httpProxy, httpsProxy, noProxy] = [of("HTTP_PROXY"), of("HTTPS_PROXY"), of("NO_PROXY")];
  if (httpProxy === "" && httpsProxy === "") return globalThis.fetch;
  requireWebProxy("HTTP_PROXY", httpProxy);
  requireWebProxy("HTTPS_PROXY", httpsProxy);
  const key = [httpProxy, httpsProxy, noProxy].join("\n");
  let fetch = proxied.get(key);
  if (fetch === undefined) {
    fetch = import("undici").then((undici) => {
      const dispatcher = new undici.EnvHttpProxyAgent({ httpProxy, httpsProxy, noProxy });
      return ((url: URL, init: object) => undici.fetch(url, { ...init, dispatcher })) as unknown as Fetch;
    });
    proxied.set(key, fetch);
  }
  return fetch;
}

/** One clear line instead of faults that look like the network's. The address may hold a password: it is not shown. */
function requireWebProxy(name: string, address: string): void {
  if (address === "") return;
  const protocol = /^([a-z][a-z0-9+.-]*):\/\//i.exec(address)?.[1]?.toLowerCase();
  const usable = (protocol === "http" || protocol === "https") && URL.canParse(address);
  if (usable) return;
  const what =
    protocol === undefined
      ? "has no http:// before the host"
      : protocol.startsWith("socks")
        ? `names a ${protocol} proxy, which is not supported`
        : "is no address of a proxy";
  throw new EnvironmentError(`${name}: ${what}; expected http://HOST:PORT or https://HOST:PORT`);
}
