/**
 * Tests that compile every kernel with NVIDIA's compiler take minutes and change only with the kernels: CI runs them
 * (.ci/run), `npm test` says that it did not.
 */
export const HEAVY = process.env.HNORM_TEST_HEAVY === "1";
export const SKIPPED = " (skipped: minutes of nvcc; HNORM_TEST_HEAVY=1 runs it, as CI does)";
