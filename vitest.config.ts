import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    globalSetup: ["tests/build-once.ts"],
    testTimeout: 60_000,
    // Files of one worker share their modules: a third of the time. A test leaves no state behind.
    isolate: false,
  },
});
