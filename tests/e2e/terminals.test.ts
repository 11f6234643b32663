/** Terminals that close, with and without nohup and disown, and outputs that take no more: on real ones. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { BIN, file, finish, folder, hnorm, start, tiny } from "./hnorm.ts";

const ENDLESS = tiny({ train: { steps: 100000, batch_size: 4, lr: 0.001 }, eval: { tokens: 128 } });
const LONG = tiny({ train: { steps: 1000, batch_size: 4, lr: 0.001 }, eval: { tokens: 128 } });

/** The status of the only run; undefined before there is one. */
function status(dir: string): { state: string } | undefined {
  const sweep = join(dir, "runs", "t");
  const run = (existsSync(sweep) ? readdirSync(sweep) : []).find((name) => name.startsWith("run-"));
  const path = join(sweep, run ?? "none", "status.json");
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : undefined;
}
const stateIn = (dir: string) => expect.poll(() => status(dir)?.state, { timeout: 100_000, interval: 50 });

/** Runs its words on a terminal of their own; closes it once a file that it is told of is there, and says how they ended. */
const ON_TERMINAL = `
import json, os, pty, select, sys
pid, terminal = pty.fork()
if pid == 0: os.execvp(sys.argv[2], sys.argv[2:])
while not os.path.exists(sys.argv[1]):
    if select.select([terminal], [], [], 0.05)[0]:
        try: os.read(terminal, 65536)
        except OSError: break
os.close(terminal)
print(json.dumps(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])))
`;
const python = spawnSync("python3", ["-c", "import pty, os; os.waitstatus_to_exitcode"]).status === 0;

/** Closes the terminal of \`words\` while the run trains; returns how they ended. */
async function closedWhileTraining(dir: string, words: readonly string[]): Promise<number> {
  const env = { ...process.env, HNORM_CACHE_DIR: join(dir, "cache"), TERM: "xterm", CI: undefined };
  const child = spawn("python3", ["-c", ON_TERMINAL, join(dir, "close"), ...words], { cwd: dir, env });
  const ended = finish(child);
  await stateIn(dir).toBe("running");
  writeFileSync(join(dir, "close"), "");
  return JSON.parse((await ended).stdout);
}

test.skipIf(!python)(
  "a terminal that closes: saved, exit 75, no crash",
  async () => {
    const dir = folder();
    file(dir, "t.yaml", ENDLESS);
    expect(await closedWhileTraining(dir, [process.execPath, BIN, "sweep", "t.yaml"])).toBe(75);
    expect(status(dir)?.state).toBe("interrupted");
  },
  120_000,
);

test.skipIf(!python).each([
  ["nohup in sh", "sh", ["-c", 'nohup "$0" "$@" & wait']],
  ["nohup in bash, its output in a file", "bash", ["-c", 'nohup "$0" "$@" >out 2>&1 </dev/null']],
  ["disown", "bash", ["-ic", '"$0" "$@" & disown; sleep 1000']],
])(
  "a terminal that closes, with %s: the sweep goes on to its end",
  async (_, shell, args) => {
    const dir = folder();
    file(dir, "t.yaml", LONG);
    await closedWhileTraining(dir, [shell, ...args, process.execPath, BIN, "sweep", "t.yaml"]);
    await stateIn(dir).toBe("done");
  },
  120_000,
);

const tmux = spawnSync("tmux", ["-V"]).status === 0;
test.skipIf(!tmux)(
  "tmux kill-server: saved",
  async () => {
    const dir = folder();
    file(dir, "t.yaml", ENDLESS);
    const server = (...words: readonly string[]) =>
      spawnSync("tmux", ["-S", join(dir, "socket"), ...words], { cwd: dir });
    onTestFinished(() => void server("kill-server"));
    const command = `HNORM_CACHE_DIR=cache '${process.execPath}' '${BIN}' sweep t.yaml`;
    expect(server("-f", "/dev/null", "new-session", "-d", command).status).toBe(0);
    await stateIn(dir).toBe("running");
    server("kill-server");
    await stateIn(dir).toBe("interrupted");
  },
  120_000,
);

test("SIGHUP without a terminal: saved, exit 75", async () => {
  const dir = folder();
  const child = start(dir, ["sweep", file(dir, "t.yaml", ENDLESS)]);
  const ended = finish(child);
  await stateIn(dir).toBe("running");
  child.kill("SIGHUP");
  expect((await ended).code).toBe(75);
  expect(status(dir)?.state).toBe("interrupted");
}, 120_000);

test.skipIf(!existsSync("/dev/full"))(
  "outputs on a full disk end no sweep; data that are lost give exit 69",
  async () => {
    const dir = folder();
    const full = openSync("/dev/full", "w");
    const run = (args: readonly string[], stdout: number | "ignore", stderr: number | "ignore") => {
      const env = { ...process.env, HNORM_CACHE_DIR: join(dir, "cache") };
      return finish(
        spawn(process.execPath, [BIN, ...args], { cwd: dir, env, stdio: ["ignore", stdout, stderr] }),
      );
    };
    const { code } = await run(["sweep", file(dir, "t.yaml", tiny())], "ignore", full);
    expect(code).toBe(0);
    expect(status(dir)?.state).toBe("done");
    expect((await run(["results", "runs/t", "--json"], full, "ignore")).code).toBe(69);
  },
  120_000,
);

test("names and messages move no cursor and turn no text", async () => {
  const dir = folder();
  const { stderr } = await hnorm(dir, "plan", file(dir, "t.yaml", tiny({ "\u001b[2J\u202eevil": 1 })));
  expect(stderr).toContain("\\u001b[2J\\u202eevil");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: there must be none
  expect(stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
});
