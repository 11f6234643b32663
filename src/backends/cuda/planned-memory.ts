/** What a plan will take on a GPU, from its lowering: the layout that runs is the layout that is counted. */
import type { Plan } from "../../plan/plan.ts";
import type { PlannedMemory } from "../backend.ts";
import { WORKSPACE_BYTES } from "./cublaslt/cublaslt-problem.ts";
import { type GpuInfo, reserveOf } from "./driver/gpu.ts";
import type { Gpu } from "./lower/lowering.ts";
import { compile } from "./plan/compile.ts";

/** An H200, where there is no GPU to ask: how many blocks reduce in parallel changes a few bytes. */
export const ASSUMED_GPU: Gpu = { sm: 90, multiprocessors: 132, sharedBytes: 227 * 1024, warpgroups: [] };
const ASSUMED_MEMORY = 139 * 2 ** 30;

export function plannedMemory({ graph }: Plan, gpu: GpuInfo | undefined): PlannedMemory {
  const commandList = compile(graph, { gpu: { ...ASSUMED_GPU, ...gpu } });
  const tables = commandList.constants.reduce((sum, { values }) => sum + values.byteLength, 0);
  const workspace = commandList.commands.some(({ kind }) => kind === "gemm") ? WORKSPACE_BYTES : 0;
  const capacity = gpu?.memoryBytes ?? ASSUMED_MEMORY;
  return {
    activations: commandList.arenaBytes + tables + workspace,
    ...(gpu === undefined ? { assumed: "an H200" } : {}),
    capacity,
    reserve: reserveOf(capacity),
  };
}
