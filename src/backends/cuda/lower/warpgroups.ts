/**
 * What can be computed by warpgroups: Hopper's own matrix instructions (wgmma), which read their factors from shared
 * memory for four warps at once. Each has a baseline by mma.sync; which of the two is launched, ../warpgroups/ finds out.
 */

/** Attention kernels are compiled for their head size alone, and so stand or fall by it. */
export const WARPGROUP_KERNELS = [
  "grouped-matmul",
  "grouped-matmul-grad",
  "grouped-swiglu",
  "attention-forward-64",
  "attention-forward-96",
  "attention-forward-128",
  "attention-grad-kv-64",
  "attention-grad-kv-96",
  "attention-grad-kv-128",
  "attention-grad-q-64",
  "attention-grad-q-96",
  "attention-grad-q-128",
] as const;
export type WarpgroupKernel = (typeof WARPGROUP_KERNELS)[number];
