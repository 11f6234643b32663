/** Whether jobs can be given to Slurm from here: its programs, its controller, partitions and their GPUs, accounting. */
import { type ProgramResult, runProgram } from "../../lib/program.ts";
import type { Finding } from "./check.ts";

const TIMEOUT_MS = 2000;
const ask = (name: string, ...args: readonly string[]) => runProgram(name, args, TIMEOUT_MS);

const FIX = {
  absent: "only `--launcher slurm` needs it; run hnorm where sbatch is on the PATH, such as a login node",
  down: "see `scontrol ping`; jobs already submitted keep running without the controller",
  config: "sbatch works only where Slurm is configured: check SLURM_CONF, or ask who runs this cluster",
};

export async function checkSlurm(): Promise<Finding> {
  const [version, partitions, config, job] = await Promise.all([
    ask("sbatch", "--version"),
    ask("sinfo", "--noheader", "--format=%R|%a|%D|%G|%l"),
    ask("scontrol", "show", "config"),
    jobOf(process.env.SLURM_JOB_ID),
  ]);
  const inside = job === undefined ? "" : `; ${job.text}`;
  // The same keys whatever is missing: nobody who reads them need ask which.
  const facts = { job: job?.facts ?? null, version: null, accounting: null, partitions: [] };
  if (version.kind === "absent")
    return { ok: false, detail: `not found (no sbatch on the PATH)${inside}`, fix: FIX.absent, facts };
  if (version.kind !== "answered")
    return { ok: false, detail: `sbatch ${said(version)}${inside}`, fix: FIX.config, facts };
  const name = version.text.trim().split("\n")[0]!.slice(0, 60) || "sbatch found";
  if (partitions.kind !== "answered") {
    const detail = `${name}, but sinfo ${said(partitions)}${inside}`;
    return {
      ok: false,
      detail,
      fix: partitions.kind === "absent" ? FIX.absent : FIX.down,
      facts: { ...facts, version: name },
    };
  }
  const list = partitionsOf(partitions.text);
  const settings = settingsOf(config);
  const accounting =
    settings.accounting === null ? "unknown" : settings.accounting ? "on" : "off (hnorm does not need it)";
  const names = list.map(
    ({ partition, gpus }) => `${partition}${gpus.length === 0 ? "" : ` (${gpus.join(", ")})`}`,
  );
  const detail = `${name}; partitions: ${names.join(", ") || "none"}; accounting ${accounting}${inside}`;
  const all = { ...facts, version: name, ...settings, partitions: list };
  return list.length > 0
    ? { ok: true, detail, facts: all }
    : { ok: false, detail, fix: "sinfo lists no partition; see `sinfo`", facts: all };
}

interface Partition {
  readonly partition: string;
  readonly nodes: number;
  /** The GPUs of a node, as Slurm writes them: `gpu:h100:8`. */
  readonly gpus: readonly string[];
  readonly time_limit: string;
}

/** `gpu|up|3|gpu:h100:8|1-00:00:00`: partition, state, nodes, what each has, time limit. */
const LINE = /^([!-{}~]+)\|[a-z]+\|(\d+)\|([^|]*)\|([\w:/-]+)$/;

/** Lines of sinfo, one partition each, however many kinds of nodes it has. Other lines are passed over. */
function partitionsOf(text: string): readonly Partition[] {
  const byName = new Map<string, Partition>();
  for (const line of text.split("\n")) {
    const [, partition, nodes, gres, limit] = LINE.exec(line.trim()) ?? [];
    if (partition === undefined || limit === undefined) continue;
    const before = byName.get(partition);
    const gpus = (gres!.match(/gpu(:[\w.-]+)*:\d+/g) ?? []).filter((gpu) => !before?.gpus.includes(gpu));
    byName.set(partition, {
      partition,
      nodes: (before?.nodes ?? 0) + Number(nodes),
      gpus: [...(before?.gpus ?? []), ...gpus],
      time_limit: limit,
    });
  }
  return [...byName.values()];
}

function settingsOf(config: ProgramResult): {
  readonly accounting: boolean | null;
  readonly max_array_size: number | null;
} {
  const text = config.kind === "answered" ? config.text : "";
  const setting = (name: string) => new RegExp(`^${name}\\s*=\\s*(\\S+)`, "mi").exec(text)?.[1];
  const storage = setting("AccountingStorageType");
  const accounting = storage === undefined ? null : !/none|null/i.test(storage);
  return { accounting, max_array_size: Number(setting("MaxArraySize")) || null };
}

/** The job this process runs in, and the time it has left. */
async function jobOf(
  id: string | undefined,
): Promise<{ readonly text: string; readonly facts: object } | undefined> {
  if (id === undefined || id === "") return undefined;
  const answer = await ask("squeue", "--noheader", `--jobs=${id}`, "--format=%L");
  const left =
    answer.kind === "answered" ? /^[\d:-]+$|^UNLIMITED$/m.exec(answer.text.trim())?.[0] : undefined;
  return { text: `inside job ${id}, ${left ?? "unknown"} left`, facts: { id, time_left: left ?? null } };
}

function said(answer: Exclude<ProgramResult, { kind: "answered" }>): string {
  if (answer.kind === "failed") return `failed: ${answer.why}`;
  return answer.kind === "silent" ? `did not answer within ${TIMEOUT_MS / 1000} s` : "is not on the PATH";
}
