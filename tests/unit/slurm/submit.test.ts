/** What is submitted, and that no crash or silence makes it be submitted twice or not at all. */
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cancelJobs } from "../../../src/slurm/cancel.ts";
import { jobsOf } from "../../../src/slurm/jobs.ts";
import { reconcile } from "../../../src/slurm/reconcile.ts";
import { submissionFiles } from "../../../src/slurm/submission.ts";
import { submitSweep } from "../../../src/slurm/submit-sweep.ts";
import type { Run } from "../../../src/sweep/expand.ts";
import { type Fake, type FakePrograms, fakeSlurm, lines, setForTest, sweepOf } from "./fake.ts";

interface Swept {
  readonly fake: Fake;
  readonly dir: string;
  readonly runs: readonly Run[];
  readonly said: string[];
  submit(): ReturnType<typeof submitSweep>;
}

function sweep(
  seeds: number,
  slurm?: unknown,
  programs: FakePrograms = {},
  overrides: readonly string[] = [],
): Swept {
  const fake = fakeSlurm(programs);
  const { dir, runs } = sweepOf(fake, seeds, slurm === undefined ? {} : { slurm }, overrides);
  const said: string[] = [];
  const jobs = { name: "quick", dir, program: ["/opt/node", "/opt/hnorm.js"], env: {} };
  return { fake, dir, runs, said, submit: () => submitSweep(jobs, runs, (line) => said.push(line)) };
}

const nonces = (dir: string) => readdirSync(join(dir, "slurm")).filter((name) => name !== "lease");
const manifests = (dir: string) =>
  nonces(dir).map((nonce) => lines(readFileSync(submissionFiles(dir, nonce).manifest, "utf8")));
/** The words of the n-th call of sbatch, as the intent keeps them: a path may hold spaces. */
const intents = (
  dir: string,
): readonly { kind: string; nonce: string; name: string; command: readonly string[] }[] =>
  nonces(dir)
    .map((nonce) => JSON.parse(readFileSync(submissionFiles(dir, nonce).intent, "utf8")))
    .sort((a, b) => (a.created < b.created ? -1 : 1));

test("a sweep without a word about Slurm is one array and a report that waits for it", async () => {
  const { dir, runs, submit, fake } = sweep(3);
  const { submitted, skipped } = await submit();
  expect(submitted).toMatchObject([
    { job: "101", kind: "runs", runs: runs.map(({ name }) => name), elements: 3 },
    { job: "102", kind: "report" },
  ]);
  expect(skipped.size).toBe(0);
  const [array, report] = intents(dir);
  const files = submissionFiles(dir, array!.nonce);
  const words = array!.command;
  expect(words).toEqual(
    expect.arrayContaining([
      "--parsable",
      "--array=0-2",
      "--requeue",
      "--open-mode=append",
      "--signal=USR2@180",
    ]),
  );
  expect(words).toContain(`--comment=hnorm:quick:${array!.nonce}`);
  expect(words).toContain(`--output=${files.logs}/%A_%a.out`);
  expect(words.at(-1)).toBe(files.script);
  expect(words.filter((word) => /partition|time|gres|mem|dependency|%\d/.test(word))).toEqual([]);
  expect(statSync(files.logs).isDirectory()).toBe(true);
  expect(lines(readFileSync(files.manifest, "utf8"))).toEqual(runs.map(({ name }) => name));
  expect(report!.command).toEqual(
    expect.arrayContaining(["--dependency=afterany:101", "--kill-on-invalid-dep=yes"]),
  );
  expect(fake.calls("sbatch")).toHaveLength(2);
});

test("the section is passed on, its raw flags last", async () => {
  const slurm = {
    ...{
      partition: "gpu",
      account: "lab",
      qos: "low",
      constraint: "h100",
      time: "1-00:00:00",
      gpus: "h100:2",
    },
    ...{
      cpus_per_task: 8,
      mem: "32G",
      throttle: 2,
      signal_s: 300,
      report: false,
      extra: ["--exclusive", "--nice=5"],
    },
  };
  const { dir, submit } = sweep(3, slurm);
  await submit();
  const { command } = intents(dir)[0]!;
  const wanted = ["--partition=gpu", "--account=lab", "--qos=low", "--constraint=h100", "--time=1-00:00:00"];
  expect(command).toEqual(
    expect.arrayContaining([...wanted, "--gres=gpu:h100:2", "--cpus-per-task=8", "--mem=32G"]),
  );
  expect(command).toEqual(expect.arrayContaining(["--array=0-2%2", "--signal=USR2@300"]));
  expect(command.slice(-3, -1)).toEqual(["--exclusive", "--nice=5"]);
  expect(intents(dir)).toHaveLength(1);
});

test("runs that ask for different things go into different arrays", async () => {
  const fake = fakeSlurm();
  const zip = { "train.lr": [0.1, 0.2, 0.3], "slurm.gpus": [1, 4, 1] };
  const { dir, runs } = sweepOf(fake, 2, { sweep: { zip }, slurm: { report: false } });
  await submitSweep({ name: "quick", dir, program: ["hnorm"], env: {} }, runs, () => {});
  const shapes = intents(dir).map(({ command }) => command.filter((word) => /gres|array/.test(word)));
  expect(shapes).toEqual([
    ["--array=0-3", "--gres=gpu:1"],
    ["--array=0-1", "--gres=gpu:4"],
  ]);
});

test("arrays are no larger than the controller takes; under a throttle they wait for each other", async () => {
  const limits = { scontrol: 'echo "MaxArraySize = 4"' };
  const plain = sweep(10, { report: false }, limits);
  await plain.submit();
  expect(
    manifests(plain.dir)
      .map(({ length }) => length)
      .sort(),
  ).toEqual([2, 4, 4]);
  expect(new Set(manifests(plain.dir).flat())).toEqual(new Set(plain.runs.map(({ name }) => name)));

  const throttled = sweep(10, { throttle: 3 }, limits);
  await throttled.submit();
  const dependencies = intents(throttled.dir).map(({ command }) =>
    command.find((word) => word.startsWith("--dependency")),
  );
  expect(dependencies).toEqual([
    undefined,
    "--dependency=afterany:101",
    "--dependency=afterany:102",
    "--dependency=afterany:101:102:103",
  ]);
});

test("workers, on request or where there are too many runs for arrays, may take any run", async () => {
  const asked = sweep(5, { workers: 2, report: false });
  expect((await asked.submit()).submitted).toMatchObject([{ kind: "workers", elements: 2 }]);
  expect((await asked.submit()).skipped.size).toBe(5); // they are all in good hands
  const many = sweep(40, { report: false, throttle: 2 }, { scontrol: 'echo "MaxArraySize = 2"' });
  expect((await many.submit()).submitted).toMatchObject([{ kind: "workers", elements: 2 }]);
});

test("again: only what is neither finished nor queued nor running", async () => {
  const { fake, dir, runs, submit } = sweep(5, { report: false });
  await submit();
  const again = await submit();
  expect(again.submitted).toEqual([]);
  expect(new Set(again.skipped.values())).toEqual(new Set(["queued"]));
  writeFileSync(join(dir, runs[0]!.name, "DONE"), "");
  fake.write("queue", "101|0|COMPLETED||\n101|1|RUNNING||\n101|2|FAILED||\n101|3|PREEMPTED||\n"); // and 4 is forgotten
  const third = await submit();
  expect(Object.fromEntries(third.skipped)).toEqual({
    [runs[0]!.name]: "finished",
    [runs[1]!.name]: "running",
    [runs[3]!.name]: "running",
  });
  expect(third.submitted).toMatchObject([{ job: "102", runs: [runs[2]!.name, runs[4]!.name] }]);
});

test("where Slurm does not answer, nothing is submitted and nothing is taken for failed", async () => {
  const { fake, submit } = sweep(2);
  await submit();
  for (const squeue of [
    "echo 'Unable to contact slurm controller' >&2; exit 1",
    "echo '<html>'",
    "/bin/sleep 9",
  ]) {
    setForTest("HNORM_SLURM_TIMEOUT", "0.5");
    fake.set({ squeue });
    await expect(submit()).rejects.toThrow("nothing is submitted");
  }
  expect(fake.calls("sbatch")).toHaveLength(2);
});

test("whoever submitted died before the id was kept: the job is found by its name, not submitted again", async () => {
  const { fake, dir, said, submit } = sweep(2, { report: false });
  await submit();
  const { nonce } = intents(dir)[0]!;
  const { submitted } = submissionFiles(dir, nonce);
  rmSync(submitted);
  expect((await submit()).submitted).toEqual([]);
  expect(JSON.parse(readFileSync(submitted, "utf8"))).toEqual({ job: "101", reconciled: true });
  expect(said.join()).toContain("found by its name");
  expect(fake.calls("sbatch")).toHaveLength(1);
});

test("whoever submitted died before sbatch, or the controller lost the job: it is submitted anew", async () => {
  const { fake, dir, said, submit } = sweep(2, { report: false });
  await submit();
  const { nonce } = intents(dir)[0]!;
  rmSync(submissionFiles(dir, nonce).submitted);
  for (const file of ["queue", "named"]) fake.write(file, "");
  expect((await submit()).submitted).toMatchObject([{ job: "102", elements: 2 }]);
  expect(said.join()).toContain("never reached Slurm");
  expect((await submit()).submitted).toEqual([]);
});

test("an sbatch that does not answer may have been heard all the same", async () => {
  const { fake, submit } = sweep(2, { report: false });
  setForTest("HNORM_SLURM_TIMEOUT", "1");
  const working = readFileSync(join(fake.dir, "bin", "sbatch"), "utf8")
    .split("\n")
    .slice(3)
    .join("\n");
  fake.set({ sbatch: `${working}\n/bin/sleep 9` });
  expect((await submit()).submitted).toMatchObject([{ job: "101" }]);
  fake.write("queue", "");
  fake.set({
    sbatch:
      "echo 'sbatch: error: Batch job submission failed: Socket timed out on send/recv operation' >&2; exit 1",
  });
  await expect(submit()).rejects.toThrow("whether Slurm accepted job");
  fake.set({ sbatch: working });
  expect((await submit()).submitted).toMatchObject([{ job: "102" }]);
});

test("a banner before the id, a cluster after it; garbage is no id", async () => {
  const { dir, submit } = sweep(1, { report: false }, { sbatch: "echo 'Welcome to 42!'; echo '77;north'" });
  expect((await submit()).submitted).toMatchObject([{ job: "77" }]);
  const { submitted } = submissionFiles(dir, nonces(dir)[0]!);
  expect(JSON.parse(readFileSync(submitted, "utf8"))).toEqual({ job: "77", cluster: "north" });
  const garbled = sweep(1, { report: false }, { sbatch: "echo hello" });
  await expect(garbled.submit()).rejects.toThrow("whether Slurm accepted job");
});

test("what Slurm refuses is told in its words, and is no hindrance next time", async () => {
  const refused = "echo 'sbatch: error: invalid partition specified: gpuu' >&2; exit 1";
  const { fake, dir, submit } = sweep(2, { partition: "gpuu" }, { sbatch: refused });
  await expect(submit()).rejects.toThrow(
    "Slurm rejected the job: sbatch: error: invalid partition specified: gpuu",
  );
  expect(existsSync(submissionFiles(dir, nonces(dir)[0]!).withdrawn)).toBe(true);
  await expect(submit()).rejects.toThrow("rejected");
  expect(fake.calls("squeue")).toEqual([]);
});

test("a site that does not take the report still trains the runs", async () => {
  const { fake, submit } = sweep(2);
  const working = readFileSync(join(fake.dir, "bin", "sbatch"), "utf8")
    .split("\n")
    .slice(3)
    .join("\n");
  fake.set({
    sbatch: `case "$*" in *--dependency*) echo 'sbatch: error: no' >&2; exit 1 ;; esac\n${working}`,
  });
  const { submitted, notes } = await submit();
  expect(submitted).toHaveLength(1);
  expect(notes.join()).toContain("the report job was rejected");
});

test("cancel ends what is open, marks it first, and reaches jobs whose ids were never kept", async () => {
  const { fake, dir, submit } = sweep(3);
  await submit();
  for (const { nonce } of intents(dir)) rmSync(submissionFiles(dir, nonce).submitted);
  fake.set({ scancel: `ls "${dir}/slurm/"*/cancelled | wc -l > "$F/marked"` });
  const { jobs, unreached } = await cancelJobs(dir);
  expect(jobs.map(({ id }) => id)).toEqual(["101_0", "101_1", "101_2", "102"]);
  expect(unreached).toEqual([]);
  expect(fake.calls("scancel")).toEqual(["101 102"]);
  expect(fake.read("marked").trim()).toBe("2");
});

test("cancel of one run reaches its element alone; of workers it says that it cannot", async () => {
  const { fake, dir, runs, submit } = sweep(3);
  await submit();
  const { jobs } = await cancelJobs(dir, [runs[1]!.name]);
  expect(jobs.map(({ id }) => id)).toEqual(["101_1"]);
  expect(fake.calls("scancel")).toEqual(["101_1"]);
  expect(existsSync(submissionFiles(dir, intents(dir)[0]!.nonce).cancelled(1))).toBe(true);

  const shared = sweep(3, { workers: 1, report: false });
  await shared.submit();
  const cancelled = await cancelJobs(shared.dir, [shared.runs[0]!.name]);
  expect(cancelled.jobs).toEqual([]);
  expect(cancelled.unreached.join()).toContain("job 101_0 is a worker that may still take the run");
});

test("what scancel cannot end is said, what had ended by itself is not", async () => {
  const { fake, dir, submit } = sweep(2, { report: false });
  await submit();
  fake.set({
    scancel:
      'echo "101|0|RUNNING||\n101|1|COMPLETED||" > "$F/queue"; echo "scancel: error: Access denied" >&2; exit 1',
  });
  const { jobs, unreached } = await cancelJobs(dir);
  expect(jobs.map(({ id }) => id)).toEqual(["101_1"]);
  expect(unreached).toEqual(["job 101_0: scancel: error: Access denied"]);
});

test("the view: each run's job and Slurm's word for it; nothing is asked where nothing was submitted", async () => {
  const { fake, dir, runs, submit } = sweep(2);
  const view = async () => jobsOf(await reconcile(dir, { alone: false }));
  expect(await view()).toEqual({ jobs: [], problems: [] });
  expect(fake.calls("squeue")).toEqual([]);
  await submit();
  fake.write("queue", "101|0|RUNNING|n7|None\n101|1|PENDING||Priority\n102|N/A|PENDING||Dependency\n");
  const { jobs } = await view();
  expect(jobs.map(({ id, runs: of, state }) => [id, of, state.phase, state.reason])).toEqual([
    ["101_0", [runs[0]!.name], "running", undefined],
    ["101_1", [runs[1]!.name], "queued", "Priority"],
    ["102", [], "queued", "Dependency"],
  ]);
});
