/** The batch scripts, run by a real bash with srun and scontrol in Slurm's place. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type RunScriptFacts, reportScript, runScript } from "../../../src/slurm/script.ts";
import { type Fake, fakeSlurm, lines } from "./fake.ts";

const RUN = "pre-seed=1-0123abcd";

interface Setup {
  /** What srun does. */
  readonly srun: string;
  /** What the controller says of the job. */
  readonly about?: string;
  readonly facts?: Partial<RunScriptFacts>;
  readonly steps?: number;
}

const say = (state: string, reason = "None", preempted = "None") =>
  `JobId=9 ArrayJobId=7 JobName=x Priority=1 JobState=${state} Reason=${reason} PreemptEligibleTime=2026 PreemptTime=${preempted} End`;

/** A folder of a sweep with one submission; `job()` runs its element 1 and gives its exit code. */
function element({ srun, about = say("RUNNING"), facts = {}, steps }: Setup) {
  const fake = fakeSlurm({
    srun,
    sleep: "exit 0",
    squeue: "exit 0",
    scontrol: `case $1 in requeue) exit 0 ;; *) cat "$F/about" ;; esac`,
  });
  fake.write("about", `${about}\n`);
  const sweepDir = join(fake.dir, "it's a $sweep");
  const dir = join(sweepDir, "slurm", "1a");
  for (const made of [join(dir, "requeues"), join(sweepDir, RUN)]) mkdirSync(made, { recursive: true });
  const progress = (step: number) =>
    writeFileSync(
      join(sweepDir, RUN, "status.json"),
      JSON.stringify({ state: "interrupted", step, steps: 99 }, null, 2),
    );
  if (steps !== undefined) progress(steps);
  writeFileSync(join(dir, "manifest.txt"), `other\n${RUN}\n`);
  const all: RunScriptFacts = {
    title: "quick",
    command: ["--array=0-1", "submit.slurm"],
    ...{
      sweepDir,
      dir,
      program: ["/opt/a node", "/opt/hnorm.js"],
      env: { HNORM_CACHE_DIR: "/a b" },
      setup: [],
    },
    signalS: 180,
    maxRequeues: 50,
    workers: false,
    ...facts,
  };
  const script = join(dir, "submit.slurm");
  writeFileSync(script, runScript(all));
  const env = { ...process.env, SLURM_ARRAY_JOB_ID: "7", SLURM_ARRAY_TASK_ID: "1", SLURM_JOB_ID: "7" };
  const job = () => {
    const { status, stderr } = spawnSync("bash", [script], { env, encoding: "utf8" });
    return { code: status, stderr };
  };
  return { fake, dir, progress, job, all };
}

const requeues = (fake: Fake) => fake.calls("scontrol").filter((call) => call.startsWith("requeue"));

test("it trains the run on its line, by this installation, under srun", () => {
  const { fake, job, all } = element({ srun: 'printf "%s\\n" "$@" > "$F/words"; env > "$F/env"' });
  expect(job().code).toBe(0);
  const words = lines(fake.read("words"));
  expect(words.slice(words.indexOf("/opt/a node"))).toEqual([
    "/opt/a node",
    "/opt/hnorm.js",
    "worker",
    "--sweep",
    all.sweepDir,
    "--run",
    RUN,
    "--retry-failed",
  ]);
  expect(fake.read("env")).toMatch(/^HNORM_CACHE_DIR=\/a b$/m);
  expect(requeues(fake)).toEqual([]);
});

test("what failed for good is tried again by a new job, not by every attempt of it", () => {
  const { fake, job } = element({
    srun: 'echo "$*" > "$F/words"',
    facts: { setup: ["SLURM_RESTART_COUNT=2"] },
  });
  expect(job()).toMatchObject({ code: 0, stderr: expect.stringContaining(`attempt 3 of ${RUN}`) });
  expect(fake.read("words")).not.toContain("--retry-failed");
});

test("a worker names no run, setup lines come first, and srun gets the CPUs of the job", () => {
  const facts = { workers: true, setup: ["export HELLO=there", "export SLURM_CPUS_PER_TASK=3"] };
  const { fake, job } = element({ srun: 'echo "$*" > "$F/words"; env > "$F/env"', facts });
  expect(job().code).toBe(0);
  expect(fake.read("words")).toMatch(/worker --sweep \S+/);
  expect(fake.read("words")).not.toContain("--run");
  expect(fake.read("env")).toMatch(/^HELLO=there$/m);
  expect(fake.read("env")).toMatch(/^SRUN_CPUS_PER_TASK=3$/m);
});

test.each([0, 1, 3, 69, 137])("exit code %i of the run is that of the job", (code) => {
  const { fake, job } = element({ srun: `exit ${code}` });
  expect(job().code).toBe(code);
  expect(requeues(fake)).toEqual([]);
});

test.each([75, 140, 143])("a run told to stop (%i) goes back, by the id of its own element", (code) => {
  const { fake, job, dir } = element({ srun: `exit ${code}`, steps: 40 });
  expect(job()).toMatchObject({
    code: 75,
    stderr: expect.stringContaining("saved after 40 steps; requeueing"),
  });
  expect(requeues(fake)).toEqual(["requeue 7_1"]);
  expect(existsSync(join(dir, "requeues", "1"))).toBe(true);
});

test.each<[when: string, about: string, back: boolean]>([
  ["running", say("RUNNING"), true],
  ["being preempted", say("RUNNING", "None", "2026-11-22T06:20:38"), true],
  ["past its time limit", say("COMPLETING", "TimeLimit"), true],
  ["ended by scancel, where a requeue would bring it back to life", say("COMPLETING"), false],
  ["cancelled", say("CANCELLED"), false],
  ["unknown, since nobody answers", "", false], // it tries for ten minutes, which pass at once here
])("a job that is %s", (_, about, back) => {
  const { fake, job } = element({ srun: "exit 75", about });
  expect(job().code).toBe(75);
  expect(requeues(fake).length > 0).toBe(back);
});

test.each(["cancelled", "cancelled.1"])("once it is %s it stays out, and starts nothing", (name) => {
  const { fake, job, dir } = element({ srun: "exit 75" });
  writeFileSync(join(dir, "cancelled.0"), ""); // of another element
  fake.set({ srun: `touch "${dir.replace("$", "\\$")}/${name}"; exit 75` });
  expect(job()).toMatchObject({ code: 75, stderr: expect.stringContaining("cancelled") });
  expect(requeues(fake)).toEqual([]);
  expect(fake.calls("srun")).toHaveLength(1);
  expect(job().code).toBe(0);
  expect(fake.calls("srun")).toHaveLength(1);
});

test("a run that does no step is put back three times, one that goes on as often as is allowed", () => {
  const { fake, job, progress } = element({ srun: "exit 75", steps: 5, facts: { maxRequeues: 6 } });
  expect([1, 2, 3, 4].map(() => job().code)).toEqual([75, 75, 75, 3]);
  progress(6);
  expect([job().code, job().code]).toEqual([75, 75]);
  progress(7);
  expect(job().code).toBe(75);
  progress(8);
  expect(job()).toMatchObject({
    code: 3,
    stderr: expect.stringContaining("requeued 6 times already (slurm.max_requeues)"),
  });
  expect(requeues(fake)).toHaveLength(6);
});

test("preemptions are not the run's fault: they are not counted", () => {
  const { fake, job } = element({
    srun: "exit 75",
    about: say("RUNNING", "None", "2026-11-22"),
    steps: 5,
    facts: { maxRequeues: 0 },
  });
  for (let i = 0; i < 5; i++) expect(job().code).toBe(75);
  expect(requeues(fake)).toHaveLength(5);
});

test.each<[left: string, warned: boolean]>([
  ["2:59", true],
  ["0:02:10", true],
  ["3:20", false],
  ["1-00:00:00", false],
  ["UNLIMITED", false],
])("with %s left and a warning of 180 s: warned: %s", (left, warned) => {
  const { fake, job } = element({
    srun: "trap 'exit 75' USR2; for i in 1 2 3 4 5; do read -rt 0.1 <> <(:); done; exit 0",
  });
  fake.set({ squeue: `echo '${left}'`, sleep: "exec /bin/sleep 1" });
  expect(job().code).toBe(warned ? 75 : 0);
});

test("the report is a call of hnorm report, and one of hnorm results whatever became of that", () => {
  const { all, fake } = element({ srun: "exit 1" });
  const program = join(fake.dir, "hnorm");
  writeFileSync(program, `#!/bin/bash\nprintf '%s\\n' "$@"\nexit 3\n`, { mode: 0o755 });
  const { stdout, status } = spawnSync("bash", ["-c", reportScript({ ...all, program: [program] })], {
    encoding: "utf8",
  });
  expect(lines(stdout)).toEqual(["report", all.sweepDir, "results", all.sweepDir, "--save"]);
  expect(status).toBe(3);
});

test("no word of the call can leave its comment, in whichever script", () => {
  const fake = fakeSlurm();
  const owned = join(fake.dir, "owned");
  for (const end of ["\n", "\r", "\r\n", "\u0085", "\u2028"]) {
    const evil = `x${end}touch '${owned}'${end}#SBATCH --wrap=id${end}`;
    const facts = { title: evil, command: [`--qos=${evil}`, evil], sweepDir: "/s", dir: "/d" };
    const rest = { program: ["true"], env: {}, setup: [] };
    const limits = { signalS: 180, maxRequeues: 0, workers: false };
    for (const text of [reportScript({ ...facts, ...rest }), runScript({ ...facts, ...rest, ...limits })]) {
      const head = text.slice(0, text.indexOf("sweep="));
      expect(head.split(/[\n\r\u0085\u2028]/).filter((line) => !/^(#.*)?$/.test(line))).toEqual([]);
      expect(head).not.toMatch(/^#SBATCH/m);
      spawnSync("bash", ["-c", head]);
      expect(existsSync(owned)).toBe(false);
    }
  }
});
