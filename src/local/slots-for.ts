/** How many runs at the same time, and on what: from --jobs, the engines of the runs, and the GPUs there are. */
import type { RunConfig } from "../config/schema.ts";
import { UserError } from "../lib/errors.ts";
import type { EngineChooser } from "./choose-engine.ts";
import { type Slot, slots, visibleDevices } from "./slots.ts";

/** `jobs`: as given; undefined: one on each GPU where the runs use them, else one. `choose`: the engine of a name. */
export async function slotsFor(
  configs: readonly RunConfig[],
  jobs: number | undefined,
  choose: EngineChooser,
): Promise<readonly Slot[]> {
  const names = [...new Set(configs.map(({ engine }) => engine.name))];
  const engines = await Promise.all(names.map(choose));
  const devices = engines.some(({ engine }) => engine.devices === "gpu") ? visibleDevices() : [];
  if (devices.length > 0 && jobs !== undefined && jobs > devices.length)
    throw new UserError(
      `--jobs: got ${jobs}; each run needs a GPU of its own, and ${devices.length === 1 ? "1 is" : `${devices.length} are`} visible (${devices.join(", ")})`,
    );
  return slots(jobs ?? Math.max(1, devices.length), devices);
}
