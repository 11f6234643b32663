/**
 * The `fetch` to use. Node's own heeds HTTP_PROXY, HTTPS_PROXY and NO_PROXY only from Node 22.21 and 24.5 on, and only
 * with NODE_USE_ENV_PROXY=1; where a proxy is named, undici's does on every Node.
 */
type Fetch = typeof globalThis.fetch;

const proxied = new Map<string, Promise<Fetch>>();

export async function fetchOf(env: NodeJS.ProcessEnv): Promise<Fetch> {
  const of = (name: string) => env[name.toLowerCase()] || env[name] || "";
  const [httpProxy, httpsProxy, noProxy] = [of("HTTP_PROXY"), of("HTTPS_PROXY"), of("NO_PROXY")];
  if (httpProxy === "" && httpsProxy === "") return globalThis.fetch;
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
