/**
 * Asks Slurm about jobs: squeue, which knows the present, then sacct, which knows the past where a site keeps it. Their
 * text columns are read, not `--json`, whose shape changes from version to version. A job of which nobody knows is not
 * a failed job.
 */
import { type CommandResult, errorText, runCommand } from "./command.ts";
import { type JobPhase, phaseOf, stateWord } from "./states.ts";

/** One element of a job array. */
export interface ElementState {
  readonly phase: JobPhase;
  /** Slurm's own word. */
  readonly word: string;
  /** Why it waits, or why it ended; absent where Slurm has no reason. */
  readonly reason?: string;
  readonly nodes?: string;
}

export interface Queue {
  /** By `JOB_ELEMENT`, or `JOB` where the job is no array. */
  readonly elements: ReadonlyMap<string, ElementState>;
  /** Why the answer says nothing of jobs that are not in it; absent where the controller knows no others. */
  readonly problem?: string;
}

/** Of each element: base id, index, state, nodes, reason. */
const COLUMNS = "%F|%K|%T|%N|%r";
const LINE = /^\s*(\d+)\|(\d+|N\/A)?\|([A-Z_]+)\|([^|]*)\|(.*)$/;

/** The present state of all elements of these jobs. One call for all of them. */
export async function queryJobs(jobs: readonly string[]): Promise<Queue> {
  if (jobs.length === 0) return { elements: new Map() };
  const answer = await runCommand("squeue", ["-h", "-r", "-t", "all", "-j", jobs.join(","), "-o", COLUMNS]);
  const queue = readQueue(answer);
  const missing = jobs.filter((job) => ![...queue.elements.keys()].some((id) => id.split("_")[0] === job));
  if (missing.length === 0) return queue;
  const past = readAccounts(await runCommand("sacct", accountColumns(missing)).catch(() => undefined));
  return { ...queue, elements: new Map([...past, ...queue.elements]) };
}

function readQueue(answer: CommandResult): Queue {
  const { code, stdout, stderr } = answer;
  const elements = new Map<string, ElementState>();
  // Of a single job that is gone squeue says this, of several it is silent.
  if (code === 1 && /Invalid job id/i.test(stderr)) return { elements };
  if (code !== 0) return { elements, problem: errorText("squeue", answer) };
  let unread: string | undefined;
  for (const line of stdout.split("\n")) {
    const [, job, index, word, nodes, reason] = LINE.exec(line) ?? [];
    if (word !== undefined) elements.set(elementId(job!, index), element(word, nodes!, reason!.trim()));
    else if (line.trim() !== "") unread ??= line.trim();
  }
  return { elements, ...(unread === undefined ? {} : { problem: `squeue said: ${unread.slice(0, 100)}` }) };
}

const elementId = (job: string, index: string | undefined): string =>
  index === undefined || index === "N/A" ? job : `${job}_${index}`;

const element = (word: string, nodes: string, reason: string): ElementState => ({
  phase: phaseOf(word),
  word: stateWord(word),
  ...(reason === "" || reason === "None" ? {} : { reason }),
  ...(nodes === "" ? {} : { nodes }),
});

const accountColumns = (jobs: readonly string[]): readonly string[] => [
  ...["-X", "-n", "--parsable2", "-j", jobs.join(",")],
  ...["-o", "JobID,State,ExitCode"],
];

/** Where accounting is off, sacct says so and ends well: then there are no lines to read. */
function readAccounts(answer: CommandResult | undefined): ReadonlyMap<string, ElementState> {
  const elements = new Map<string, ElementState>();
  for (const line of answer?.code === 0 ? answer.stdout.split("\n") : []) {
    const [, id, word, exit] = /^(\d+(?:_\d+)?)\|([A-Z_]+)[^|]*\|(\S*)$/.exec(line.trim()) ?? [];
    if (id !== undefined) elements.set(id, element(word!, "", exit === "0:0" ? "" : `exit code ${exit}`));
  }
  return elements;
}

/** What may be asked about jobs whose ids were never learned. */
export interface JobLabel {
  readonly name: string;
  readonly comment: string;
}

/** The id of the job with this name or comment; undefined where the controller has none. `problem` as in Queue. */
export async function findJob(sought: JobLabel, user: string): Promise<{ job?: string; problem?: string }> {
  const answer = await runCommand("squeue", ["-h", "-t", "all", "-u", user, "-o", "%F|%j|%k"]);
  if (answer.code !== 0) return { problem: errorText("squeue", answer) };
  const job = named(answer.stdout, sought);
  if (job !== undefined) return { job };
  const columns = ["-X", "-n", "--parsable2", `--name=${sought.name}`, "-o", "JobID,JobName,Comment"];
  const past = await runCommand("sacct", columns).catch(() => undefined);
  const found = past?.code === 0 ? named(past.stdout, sought) : undefined;
  return found === undefined ? {} : { job: found };
}

/** A site may put words of its own before or after a comment. */
function named(lines: string, { name, comment }: JobLabel): string | undefined {
  for (const line of lines.split("\n")) {
    const [, job, jobName, rest] = /^\s*(\d+)[^|]*\|([^|]*)\|?(.*)$/.exec(line) ?? [];
    if (job !== undefined && (jobName === name || rest!.split(/[\s,;|]+/).includes(comment))) return job;
  }
  return undefined;
}
