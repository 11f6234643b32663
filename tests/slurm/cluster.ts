/**
 * A Slurm of our own on this one machine, for a test: a controller and nodes as child processes, in a temporary folder, on
 * free loopback ports, without munge, systemd or root. Its GPUs are links to /dev/null.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

export interface Cluster {
  readonly dir: string;
  /** What a process needs in its environment to talk to it. */
  readonly env: Readonly<Record<string, string>>;
  /** Runs one of Slurm's commands to its end; throws with its stderr where it fails. */
  slurm(program: string, ...args: readonly string[]): string;
  /** The controller's state of each job and array element, by id such as `3` or `4_0`. */
  states(): ReadonlyMap<string, string>;
  /** Whether the controller has written down the state of its jobs after that time, in milliseconds. */
  hasSavedSince(time: number): boolean;
  killController(): Promise<void>;
  /** Starts it again with what it remembers. */
  startController(): Promise<void>;
  /** The node dies with everything on it, as on a power cut. */
  killNode(name: string): Promise<void>;
  close(): Promise<void>;
}

const SBIN = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

/** Why there can be no cluster here, if there can be none. */
export function noSlurm(): string | undefined {
  if (process.platform !== "linux") return "no slurmctld on this platform";
  const missing = ["slurmctld", "slurmd", "sbatch"].find((name) => find(name) === undefined);
  if (missing !== undefined) return `${missing} is not installed (Debian: apt-get install slurm-wlm)`;
  const plugins = ["/usr/lib/x86_64-linux-gnu/slurm-wlm", "/usr/lib/aarch64-linux-gnu/slurm-wlm"];
  const found = plugins.find((dir) => existsSync(dir));
  if (found !== undefined && !readdirSync(found).includes("cred_none.so"))
    return "this Slurm has no plugin cred/none";
  return undefined;
}

const find = (name: string): string | undefined =>
  [...(process.env.PATH ?? "").split(":"), ...SBIN]
    .map((dir) => join(dir, name))
    .find((path) => existsSync(path));

export interface Size {
  readonly nodes?: number;
  readonly gpus?: number;
  readonly maxArraySize?: number;
}

export async function startCluster({
  nodes = 2,
  gpus = 4,
  maxArraySize = 1001,
}: Size = {}): Promise<Cluster> {
  const dir = mkdtempSync(join(tmpdir(), "hnorm-slurm-"));
  for (const name of ["state", "log", "dev", ...names(nodes).map((node) => `spool/${node}`)])
    mkdirSync(join(dir, name), { recursive: true });
  for (let i = 0; i < gpus; i++) symlinkSync("/dev/null", join(dir, "dev", `nvidia${i}`));
  const [controllerPort, ...nodePorts] = await freePorts(nodes + 1);
  writeFileSync(join(dir, "slurm.conf"), configuration(dir, controllerPort!, nodePorts, gpus, maxArraySize));
  const last = gpus - 1;
  writeFileSync(
    join(dir, "gres.conf"),
    `NodeName=n[0-${nodes - 1}] Name=gpu File=${dir}/dev/nvidia[0-${last}] Flags=nvidia_gpu_env\n`,
  );

  const env = { SLURM_CONF: join(dir, "slurm.conf") };
  const run = (program: string, args: readonly string[]) =>
    spawnSync(program, args, { env: { ...process.env, ...env }, encoding: "utf8" });
  const daemon = (program: string, ...args: readonly string[]): ChildProcess =>
    spawn(find(program)!, ["-D", ...args], { env: { ...process.env, ...env }, stdio: "ignore" });
  const up = async (wanted: number) => {
    const idle = () =>
      run("sinfo", ["-h", "-N", "-p", "low", "-o", "%T"]).stdout.match(/idle|mixed|allocated/g)?.length;
    for (let tries = 0; tries < 300; tries++) {
      if ((idle() ?? 0) >= wanted) return;
      await sleep(100);
    }
    throw new Error(`the cluster does not come up:\n${logs(dir)}`);
  };

  let controller = daemon("slurmctld", "-c", "-i");
  const nodeDaemons = new Map(names(nodes).map((name) => [name, daemon("slurmd", "-N", name, "-c")]));
  await up(nodes);
  return {
    dir,
    env,
    slurm(program, ...args) {
      const { status, stdout, stderr } = run(program, args);
      if (status !== 0) throw new Error(`${program} ${args.join(" ")}: exit code ${status}: ${stderr}`);
      return stdout.trim();
    },
    states() {
      const lines = run("squeue", ["-h", "-r", "-t", "all", "-o", "%i %T"]).stdout.trim().split("\n");
      return new Map(lines.filter((line) => line !== "").map((line) => line.split(" ") as [string, string]));
    },
    hasSavedSince(time) {
      const saved = join(dir, "state", "job_state");
      return existsSync(saved) && statSync(saved).mtimeMs > time;
    },
    killController: () => kill(controller),
    async startController() {
      controller = daemon("slurmctld", "-i");
      await up(1);
    },
    async killNode(name) {
      await kill(nodeDaemons.get(name)!);
      for (const pid of steps(name, dir)) killTree(pid);
    },
    async close() {
      run("scancel", ["--user", userInfo().username]);
      await Promise.all([controller, ...nodeDaemons.values()].map(kill));
      for (const name of names(nodes)) for (const pid of steps(name, dir)) killTree(pid);
      rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

const names = (count: number): readonly string[] => Array.from({ length: count }, (_, i) => `n${i}`);

/**
 * Preemption takes jobs of `low` for those of `high` after a grace of 5 s. A requeued job waits `cred_expire` seconds;
 * for less than 5 of them Slurm takes its default of 120.
 */
function configuration(
  dir: string,
  port: number,
  nodePorts: readonly number[],
  gpus: number,
  maxArraySize: number,
): string {
  const user = userInfo().username;
  const settings = {
    ClusterName: "test",
    SlurmctldHost: "localhost(127.0.0.1)",
    SlurmctldPort: port,
    SlurmUser: user,
    SlurmdUser: user,
    AuthType: "auth/none",
    CredType: "cred/none",
    AuthInfo: "cred_expire=5",
    StateSaveLocation: `${dir}/state`,
    SlurmdSpoolDir: `${dir}/spool/%n`,
    SlurmctldPidFile: `${dir}/slurmctld.pid`,
    SlurmdPidFile: `${dir}/slurmd-%n.pid`,
    SlurmctldLogFile: `${dir}/log/slurmctld.log`,
    SlurmdLogFile: `${dir}/log/slurmd-%n.log`,
    ProctrackType: "proctrack/linuxproc",
    TaskPlugin: "task/none",
    MpiDefault: "none",
    MailProg: "/bin/true",
    JobAcctGatherType: "jobacct_gather/none",
    AccountingStorageType: "accounting_storage/none",
    SelectType: "select/cons_tres",
    SelectTypeParameters: "CR_Core",
    SchedulerType: "sched/backfill",
    SchedulerParameters: "bf_interval=1,sched_interval=1,batch_sched_delay=0,sched_min_interval=0",
    SlurmdParameters: "config_overrides",
    SlurmctldParameters: "preempt_send_user_signal",
    PreemptType: "preempt/partition_prio",
    PreemptMode: "REQUEUE",
    ReturnToService: 2,
    JobRequeue: 1,
    KillWait: 5,
    MinJobAge: 600,
    MaxArraySize: maxArraySize,
    GresTypes: "gpu",
  };
  const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
  const cores = "CPUs=8 Boards=1 SocketsPerBoard=1 CoresPerSocket=8 ThreadsPerCore=1 RealMemory=4000";
  const node = (nodePort: number, i: number) =>
    `NodeName=n${i} NodeHostname=localhost NodeAddr=127.0.0.1 Port=${nodePort} ${cores} Gres=gpu:${gpus} State=UNKNOWN`;
  const partitions = [
    "PartitionName=low Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1 PreemptMode=REQUEUE GraceTime=5",
    "PartitionName=high Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=OFF",
  ];
  return `${[...lines, ...nodePorts.map(node), ...partitions].join("\n")}\n`;
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, () => {
      const server = createServer();
      return new Promise<typeof server>((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

const kill = (daemon: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (daemon.exitCode !== null || daemon.signalCode !== null) return resolve();
    daemon.once("exit", () => resolve());
    daemon.kill("SIGKILL");
  });

/** The step daemons of a node, which outlive it: children of init that write to its log. */
const steps = (node: string, dir: string): readonly number[] =>
  processes()
    .filter(({ pid, name }) => name === "slurmstepd" && hasOpen(pid, `${dir}/log/slurmd-${node}.log`))
    .map(({ pid }) => pid);

function hasOpen(pid: number, path: string): boolean {
  const fds = `/proc/${pid}/fd`;
  try {
    return readdirSync(fds).some((fd) => readlinkSync(join(fds, fd)) === path);
  } catch {
    return false; // it ended meanwhile
  }
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
}

function processes(): readonly Process[] {
  return readdirSync("/proc").flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      const [, pid, name, parent] = /^(\d+) \((.*)\) \S (\d+)/s.exec(
        readFileSync(`/proc/${entry}/stat`, "utf8"),
      )!;
      return [{ pid: Number(pid), name: name!, parent: Number(parent) }];
    } catch {
      return []; // it ended meanwhile
    }
  });
}

function killTree(root: number): void {
  const all = processes();
  const below = (pid: number): readonly number[] => [
    pid,
    ...all.filter(({ parent }) => parent === pid).flatMap((child) => below(child.pid)),
  ];
  for (const pid of below(root)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {} // it ended by itself
  }
}

const logs = (dir: string): string =>
  readdirSync(join(dir, "log"))
    .map((name) => `== ${name}\n${readFileSync(join(dir, "log", name), "utf8").slice(-3000)}`)
    .join("\n");
