/** HTTP_PROXY, HTTPS_PROXY and NO_PROXY, by a real proxy that counts. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openHubFiles } from "../../../../src/data/hub/hub-files.ts";
import { COMMIT, fakeHub } from "./server.ts";

const FILE = Buffer.from("some text\n");

/** A proxy that opens tunnels, and the list of where to. */
async function proxy() {
  const tunnels: string[] = [];
  const server = createServer().on("connect", (request, client, head) => {
    tunnels.push(request.url!);
    const [host, port] = request.url!.split(":");
    const target = connect(Number(port), host, () => {
      client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
      target.write(head);
      target.pipe(client).pipe(target);
    });
    for (const socket of [target, client]) socket.on("error", () => {});
    client.on("close", () => target.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, tunnels };
}

async function fetched(env: Readonly<Record<string, string>>) {
  const hub = await fakeHub({ "x.txt": FILE });
  const dir = mkdtempSync(join(tmpdir(), "hnorm-hub-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const ctx = { baseDir: dir, cacheDir: dir, env: { HF_ENDPOINT: hub.endpoint, HF_HOME: dir, ...env } };
  const [file] = await openHubFiles("x", `hf://datasets/owner/name@${COMMIT}/x.txt`, ctx);
  return { hub, text: readFileSync(await file!.local()) };
}

test("a proxy that the environment names carries everything", async () => {
  const { address, tunnels } = await proxy();
  const { hub, text } = await fetched({ HTTP_PROXY: address });
  expect(text).toEqual(FILE);
  expect(tunnels).toContain(new URL(hub.endpoint).host);
  expect(tunnels.length).toBeGreaterThanOrEqual(2); // hub and files
});

test("but not to hosts that NO_PROXY names", async () => {
  const { address, tunnels } = await proxy();
  const { text } = await fetched({ http_proxy: address, NO_PROXY: "127.0.0.1" });
  expect(text).toEqual(FILE);
  expect(tunnels).toEqual([]);
});
