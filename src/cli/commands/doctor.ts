/** `hnorm doctor`: which engines work on this machine, why the others do not, and what hnorm has to work with. */

import type { Command } from "commander";
import { type SurveyedEngine, surveyEngines } from "../../backends/registry.ts";
import { EXIT } from "../../lib/errors.ts";
import { jsonText } from "../../lib/json.ts";
import { cacheDir } from "../../local/folders.ts";
import { type SelfTestResult, selfTestResult } from "../../train/self-test-result.ts";
import type { Check, Finding } from "../checks/check.ts";
import { checks } from "../checks/index.ts";
import type { Io } from "../io.ts";

export function doctorCommand(command: Command, io: Io): void {
  command.option("--json", "as JSON").action(async ({ json }: { json?: boolean }) => {
    const machine = await Promise.all(checks.map(async (check) => [check, await check.run()] as const));
    const engines = (await surveyEngines()).map(judged); // after: what loads an engine must not make other programs look slow
    io.out(json ? jsonText(asJson(engines, machine), 2) : asText(engines, machine));
    if (!engines.some(({ found }) => found.ok)) process.exitCode = EXIT.unavailable;
  });
}

/** An engine, and what its self-test on this machine found: undefined where it needs none or has not run. */
interface Judged extends SurveyedEngine {
  readonly selfTest: SelfTestResult | undefined;
  readonly eligible: boolean;
}

function judged(surveyed: SurveyedEngine): Judged {
  const needed = surveyed.found.ok && surveyed.engine.selfTestDevice !== undefined;
  const selfTest = needed ? selfTestResult(surveyed, cacheDir()) : undefined;
  return { ...surveyed, selfTest, eligible: surveyed.found.ok && selfTest?.ok !== false };
}

const autoOf = (engines: readonly Judged[]) => engines.find(({ eligible }) => eligible)?.name;

/** What its self-test found, where the engine needs one. */
function selfTestText({ name, engine, selfTest }: Judged): string | undefined {
  if (engine.selfTestDevice === undefined) return undefined;
  if (selfTest === undefined) return `not self-tested on this machine; run \`hnorm selftest engine ${name}\``;
  const { ok, at, faults } = selfTest;
  return ok ? `self-test passed here on ${at.slice(0, 10)}` : `self-test failed here: ${faults}`;
}

type Machine = readonly (readonly [Check, Finding])[];

/** One line each: what, whether, detail; what to do about it on a line of its own. */
function asText(engines: readonly Judged[], machine: Machine): string {
  const auto = autoOf(engines);
  const rows: Row[] = [
    ...engines.map((judged): Row => {
      const { name, engine, found } = judged;
      const chosen = name === auto ? "; selected by `engine: auto`" : "";
      return found.ok
        ? {
            name: `engine ${name}`,
            ok: true,
            detail: `${engine.summary} (${found.detail})${chosen}`,
            advice: [found.better ?? selfTestText(judged), `sends ${engine.sends}`]
              .filter((line) => line !== undefined)
              .join("\n"),
          }
        : { name: `engine ${name}`, ok: false, detail: found.why, advice: found.fix };
    }),
    ...machine.map(([{ name }, { ok, detail, fix }]): Row => ({ name, ok, detail, advice: fix })),
  ];
  const width = Math.max(...rows.map(({ name }) => name.length));
  return rows
    .flatMap(({ name, ok, detail, advice }) => [
      `${name.padEnd(width)}  ${ok ? "ok" : "no"}  ${detail}`,
      ...(advice?.split("\n") ?? []).map((line) => `${" ".repeat(width + 6)}${line}`),
    ])
    .join("\n");
}

interface Row {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly advice: string | undefined;
}

const asJson = (engines: readonly Judged[], machine: Machine): object => ({
  ok: engines.some(({ found }) => found.ok),
  auto: autoOf(engines) ?? null,
  engines: Object.fromEntries(
    engines.map(({ name, engine: { summary, sends }, found, selfTest }) => [
      name,
      { summary, sends, ...found, ...(selfTest === undefined ? {} : { selfTest }) },
    ]),
  ),
  machine: Object.fromEntries(
    machine.map(([{ name }, { facts, ...finding }]) => [name.replaceAll(" ", "_"), { ...finding, ...facts }]),
  ),
});
