/** The engines under test, and those that this machine lacks, with the reason. */
import type { Engine } from "../../src/backends/backend.ts";
import { chooseEngine, type EngineName, engineNames } from "../../src/backends/registry.ts";

export interface EngineUnderTest {
  readonly name: EngineName;
  readonly engine: Engine | undefined;
  /** For the test's title: what the engine says of itself, or why it is skipped. */
  readonly detail: string;
}

async function find(name: EngineName): Promise<EngineUnderTest> {
  try {
    const chosen = await chooseEngine(name);
    if (!chosen.engine.bf16Activations) return chosen;
    return { name, engine: undefined, detail: "it rounds to bf16; tests/cuda holds it to bounds of its own" };
  } catch (cause) {
    return { name, engine: undefined, detail: (cause as Error).message };
  }
}

export const engines: readonly EngineUnderTest[] = await Promise.all(engineNames.map(find));
