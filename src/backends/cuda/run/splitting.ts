/** A variable that is f32 becomes the bf16 weights and 16-bit remainders that together are as exact: a launch by itself. */
import { C_TYPE, remaindersAt } from "../memory/storage.ts";
import { baseOf, type Command, type KernelSpec, type StoredVariable } from "../plan/command-list.ts";

export const SPLIT: KernelSpec = {
  file: "convert.cu",
  kernel: "convert",
  define: { FROM: C_TYPE.f32, TO: C_TYPE.split },
};

/** `SPLIT`, from a variable into its successor. */
export function splitting({ name, elements }: StoredVariable): Command {
  const to = { base: baseOf.successor(name), offset: 0 };
  return {
    kind: "launch",
    kernel: 0,
    grid: [Math.min(Math.ceil(elements / 256), 4096), 1, 1],
    block: [256, 1, 1],
    sharedBytes: 0,
    args: [
      { base: baseOf.variable(name), offset: 0 },
      null,
      to,
      { ...to, offset: remaindersAt(elements) },
      { i32: elements },
    ],
  };
}
