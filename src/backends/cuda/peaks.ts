/**
 * What GPUs can do at most: dense bf16 products with f32 sums, in FLOP/s, as NVIDIA's datasheets print them (without
 * sparsity). Only a scale to measure by; a GPU that is not here has none.
 */
const PEAKS: readonly (readonly [name: RegExp, flops: number])[] = [
  [/\bB200\b/, 2250e12],
  [/\bGH200\b|\bH200\b/, 989e12],
  [/\bH100 NVL\b/, 835e12],
  [/\bH100 PCIe\b/, 756e12],
  [/\bH100\b/, 989e12],
  [/\bH800\b/, 989e12],
  [/\bA100\b|\bA800\b/, 312e12],
  [/\bL40S\b/, 362e12],
  [/\bA40\b/, 150e12],
  [/\bA10\b/, 125e12],
  [/\bRTX 4090\b/, 165e12],
  [/\bRTX 3090\b/, 71e12],
];

/** By the driver's name of the GPU: `NVIDIA H200`. */
export const peakFlops = (name: string): number | undefined => PEAKS.find(([is]) => is.test(name))?.[1];
