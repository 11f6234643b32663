/** What is made of Slurm's answers: of every version, slow, garbled, or none at all. */
import { expect, test } from "vitest";
import { maxArraySize } from "../../../src/slurm/limits.ts";
import { findJob, queryJobs } from "../../../src/slurm/query.ts";
import { phaseOf, stateWord } from "../../../src/slurm/states.ts";
import { fakeSlurm, setForTest } from "./fake.ts";

const phases = ({ elements }: Awaited<ReturnType<typeof queryJobs>>) =>
  Object.fromEntries([...elements].map(([id, { phase }]) => [id, phase]));

test("one call of squeue tells of all elements, and sacct is not asked where it knows them", async () => {
  const fake = fakeSlurm();
  fake.write(
    "queue",
    "7|0|RUNNING|n1|None\n7|1|PENDING||Resources, or so\n7|2|COMPLETED|n1|None\n9|N/A|PENDING||Dependency\n",
  );
  const queue = await queryJobs(["7", "9"]);
  expect(queue.problem).toBeUndefined();
  expect(Object.fromEntries(queue.elements)).toEqual({
    "7_0": { phase: "running", word: "RUNNING", nodes: "n1" },
    "7_1": { phase: "queued", word: "PENDING", reason: "Resources, or so" },
    "7_2": { phase: "ended", word: "COMPLETED", nodes: "n1" },
    "9": { phase: "queued", word: "PENDING", reason: "Dependency" },
  });
  expect(fake.calls("squeue")).toEqual(["-h -r -t all -j 7,9 -o %F|%K|%T|%N|%r"]);
  expect(fake.calls("sacct")).toEqual([]);
});

test("jobs that the controller has forgotten: accounting knows them, or nobody does; neither is a problem", async () => {
  const fake = fakeSlurm({ squeue: "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1" });
  expect(await queryJobs(["7"])).toEqual({ elements: new Map() });
  fake.set({
    sacct: "echo '7_0|CANCELLED by 0|0:15'; echo '7_1|COMPLETED|0:0'; echo '7_[2-4%2]|PENDING|0:0'",
  });
  expect(phases(await queryJobs(["7"]))).toEqual({ "7_0": "ended", "7_1": "ended" });
});

test.each<[what: string, squeue: string, problem: RegExp]>([
  [
    "the controller is down",
    "echo 'slurm_load_jobs error: Unable to contact slurm controller (connect failure)' >&2; exit 1",
    /Unable to contact/,
  ],
  ["it says nothing and fails", "exit 1", /squeue exited with code 1/],
  ["it is slow", "sleep 30", /squeue did not answer within 0.5 s/],
  [
    "it prints garbage beside the rest",
    "echo '7|0|RUNNING|n1|None'; echo '<html>502</html>'",
    /squeue said: <html>502/,
  ],
  ["it prints JSON", `echo '{"jobs":[{"job_state":["RUNNING"]}]}'`, /squeue said/],
])("a problem is no state: %s", async (_, squeue, problem) => {
  fakeSlurm({ squeue });
  setForTest("HNORM_SLURM_TIMEOUT", "0.5");
  expect((await queryJobs(["7"])).problem).toMatch(problem);
});

test("variables that would change the answers do not reach the programs", async () => {
  const fake = fakeSlurm({ squeue: 'env > "$F/env"' });
  for (const name of ["SQUEUE_FORMAT", "SQUEUE_STATES", "SACCT_FORMAT", "SLURM_JOB_ID", "SLURM_CPU_BIND"])
    setForTest(name, "x");
  setForTest("SLURM_CONF", "/etc/slurm.conf");
  await queryJobs(["7"]);
  expect(fake.read("env")).toMatch(/^SLURM_CONF=\/etc\/slurm.conf$/m);
  expect(fake.read("env")).not.toMatch(/^(SQUEUE_|SACCT_|SLURM_(?!CONF))/m);
});

test("where there is no Slurm, that is what is said", async () => {
  setForTest("PATH", "/nowhere");
  await expect(queryJobs(["7"])).rejects.toThrow("squeue: not found; is this a login node?");
});

test("a job is found by its comment or its name, in the queue or in the accounts", async () => {
  const fake = fakeSlurm();
  const sought = { name: "hnorm-q-1a", comment: "hnorm:q:1a" };
  fake.write("named", "5|other|hnorm:q:1ab\n6|hnorm-q-1a|\n");
  expect(await findJob(sought, "me")).toEqual({ job: "6" });
  fake.write("named", "5|other|hnorm:q:1ab\n8|renamed|account=x hnorm:q:1a\n");
  expect(await findJob(sought, "me")).toEqual({ job: "8" });
  fake.write("named", "");
  expect(await findJob(sought, "me")).toEqual({});
  fake.set({ sacct: "echo '9_[0-3]|hnorm-q-1a|'" });
  expect(await findJob(sought, "me")).toEqual({ job: "9" });
  fake.set({ squeue: "echo down >&2; exit 1" });
  expect(await findJob(sought, "me")).toEqual({ problem: "down" });
});

test("only words that are known to be final end a job", () => {
  expect(["CANCELLED by 0", "CANCELLED+", "OUT_OF_MEMORY"].map(stateWord)).toEqual([
    "CANCELLED",
    "CANCELLED",
    "OUT_OF_MEMORY",
  ]);
  const words = (phase: string) => (word: string) => phaseOf(word) === phase;
  const living =
    "PENDING REQUEUED REQUEUE_HOLD CONFIGURING COMPLETING PREEMPTED RESIZING SUSPENDED SIGNALING STOPPED".split(
      " ",
    );
  expect(living.filter(words("ended"))).toEqual([]);
  expect(
    "COMPLETED FAILED TIMEOUT NODE_FAIL BOOT_FAIL DEADLINE CANCELLED".split(" ").every(words("ended")),
  ).toBe(true);
  expect(phaseOf("HYPERSPACE")).toBe("unknown");
});

test("the largest array is what the controller says, or Slurm's default", async () => {
  const fake = fakeSlurm({ scontrol: "printf 'Configuration data\\nMaxArraySize            = 40001\\n'" });
  expect(await maxArraySize()).toBe(40001);
  fake.set({ scontrol: "echo error >&2; exit 1" });
  expect(await maxArraySize()).toBe(1001);
});
