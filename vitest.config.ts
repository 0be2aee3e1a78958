import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

// Node 20 has relaxed SIMD behind a flag, later ones have it: without it the relaxed build would go unproved.
const execArgv = process.versions.node.startsWith("20.")
  ? ["--experimental-wasm-relaxed-simd"]
  : [];

const SLOW = "test/**/*.slow.test.ts";

// The one default export in the house: vitest asks for it.
export default defineConfig({
  test: {
    globalSetup: "scripts/build_inputs.mjs",
    testTimeout: 60_000,
    execArgv,
    // vitest's own choice leaves one core idle.
    maxWorkers: availableParallelism(),
    projects: [
      {
        extends: true,
        test: { name: "usual", include: ["test/**/*.test.ts"], exclude: [SLOW] },
      },
      // Sweeps, 100,000 calls, every TypeScript setting, builds made again.
      { extends: true, test: { name: "slow", include: [SLOW], testTimeout: 180_000 } },
    ],
  },
});
