/** The commands by name, in the order of `hnorm --help`. Only the one that is asked for is loaded. */
import type { Command } from "commander";
import type { Io } from "../io.ts";

export interface CommandEntry {
  /** What `hnorm --help` says of it; absent: it is not listed there. */
  readonly about?: string;
  /** Gives the command its arguments, options and action. */
  readonly load: () => Promise<(command: Command, io: Io) => void>;
}

export const commands: Readonly<Record<string, CommandEntry>> = {
  sweep: {
    about: "train every unfinished run of a config, and rank all of them",
    load: async () => (await import("./sweep.ts")).sweepCommand,
  },
  worker: {
    about: "help with a sweep: train the runs that no other process holds",
    load: async () => (await import("./worker.ts")).workerCommand,
  },
  plan: {
    about: "list the runs with parameters, FLOPs, tokens, memory, disk and estimated time",
    load: async () => (await import("./plan.ts")).planCommand,
  },
  step: {
    about: "one forward and backward pass: loss, gradients and logits of given weights and tokens",
    load: async () => (await import("./step.ts")).stepCommand,
  },
  explain: {
    about:
      "print a strategy's or norm function's equation, where every norm sits, parameter counts and the citation",
    load: async () => (await import("./explain.ts")).explainCommand,
  },
  eval: {
    about: "evaluate finished runs again, under another protocol or on other data",
    load: async () => (await import("./eval.ts")).evalCommand,
  },
  config: {
    about: "work with config files",
    load: async () => (await import("./config.ts")).configCommand,
  },
  data: {
    about: "prepare token shards, look into them, verify them",
    load: async () => (await import("./data.ts")).dataCommand,
  },
  results: {
    about: "print the ranking of a sweep again: its arms with their seed noise, and its runs",
    load: async () => (await import("./results.ts")).resultsCommand,
  },
  verify: {
    about: "check finished runs against what their config expects of them",
    load: async () => (await import("./verify.ts")).verifyCommand,
  },
  report: {
    about: "write the answer of a sweep as a page with figures",
    load: async () => (await import("./report.ts")).reportCommand,
  },
  status: {
    about: "show every run of a sweep: state, attempt, host, step, speed, ETA, loss",
    load: async () => (await import("./status.ts")).statusCommand,
  },
  cancel: {
    about:
      "stop the runs of a sweep that are queued or running, in Slurm and on this machine; they save first",
    load: async () => (await import("./cancel.ts")).cancelCommand,
  },
  why: {
    about: "show which config fields make two runs differ",
    load: async () => (await import("./why.ts")).whyCommand,
  },
  bench: {
    about: "train on random tokens: tokens/s, MFU, memory, and the time of each part of a step",
    load: async () => (await import("./bench.ts")).benchCommand,
  },
  doctor: {
    about: "check which engines work on this machine, how to get the others, and its hardware",
    load: async () => (await import("./doctor.ts")).doctorCommand,
  },
  selftest: {
    about: "check on this machine that resuming is exact and that an engine computes correctly",
    load: async () => (await import("./selftest.ts")).selftestCommand,
  },
  "run-one": {
    load: async () => (await import("./run-one.ts")).runOneCommand,
  },
};
