/** The commands by name, in the order of `hnorm --help`. One that is asked for is loaded alone: a sweep starts many. */
import type { Command } from "commander";
import type { Io } from "../io.ts";

type Register = (program: Command, io: Io) => void;

export const commands: ReadonlyMap<string, () => Promise<Register>> = new Map(
  Object.entries({
    sweep: async () => (await import("./sweep.ts")).sweepCommand,
    worker: async () => (await import("./worker.ts")).workerCommand,
    plan: async () => (await import("./plan.ts")).planCommand,
    step: async () => (await import("./step.ts")).stepCommand,
    explain: async () => (await import("./explain.ts")).explainCommand,
    eval: async () => (await import("./eval.ts")).evalCommand,
    config: async () => (await import("./config.ts")).configCommand,
    data: async () => (await import("./data.ts")).dataCommand,
    results: async () => (await import("./results.ts")).resultsCommand,
    verify: async () => (await import("./verify.ts")).verifyCommand,
    report: async () => (await import("./report.ts")).reportCommand,
    status: async () => (await import("./status.ts")).statusCommand,
    cancel: async () => (await import("./cancel.ts")).cancelCommand,
    why: async () => (await import("./why.ts")).whyCommand,
    bench: async () => (await import("./bench.ts")).benchCommand,
    doctor: async () => (await import("./doctor.ts")).doctorCommand,
    selftest: async () => (await import("./selftest.ts")).selftestCommand,
    "run-one": async () => (await import("./run-one.ts")).runOneCommand,
  }),
);
