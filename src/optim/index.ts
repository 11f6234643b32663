/** Every optimizer and every schedule, under the names they have in YAML. */
import { adam } from "./adam.ts";
import { adamw } from "./adamw.ts";
import { constant } from "./constant.ts";
import { cosine } from "./cosine.ts";
import { linear } from "./linear.ts";
import type { Optimizer } from "./optimizer.ts";
import type { Schedule } from "./schedule.ts";

export const optimizers = { adamw, adam } as const satisfies Record<string, Optimizer>;
export const schedules = { cosine, linear, constant } as const satisfies Record<string, Schedule>;

export type OptimizerName = keyof typeof optimizers;
export type ScheduleName = keyof typeof schedules;

/** An optimizer as the YAML selects it: its name and its own numbers. */
export type OptimizerSelection = { readonly name: OptimizerName } & Readonly<Record<string, unknown>>;
