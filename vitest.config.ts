import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

// Node 20 has relaxed SIMD behind a flag, later ones have it: without it the relaxed build would go unproved.
const execArgv = process.versions.node.startsWith("20.")
  ? ["--experimental-wasm-relaxed-simd"]
  : [];

/** What stands on dist/: the package as it is installed. */
const PACKAGE = ["bench", "browser", "cli", "docs", "examples", "package", "pool"].map(
  (room) => `test/${room}/**/*.test.ts`,
);
/** Sweeps, 100,000 calls, every TypeScript setting, builds made again, commands that are killed, whole pages. */
const SLOW = "{test,server/test}/**/*.slow.test.ts";

const project = (name: string, test: object) => ({
  extends: true as const,
  test: { name, globalSetup: "scripts/build_inputs.mjs", ...test },
});

// The one default export in the house: vitest asks for it.
export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    execArgv,
    // vitest's own choice leaves one core idle.
    maxWorkers: availableParallelism(),
    projects: [
      // One process for many files: half the time of a process for each goes into loading the same sources.
      project("sources", {
        include: ["test/**/*.test.ts"],
        exclude: [...PACKAGE, SLOW],
        isolate: false,
      }),
      project("package", { include: PACKAGE, exclude: [SLOW] }),
      project("server", { include: ["server/test/**/*.test.ts"], exclude: [SLOW] }),
      project("slow", { include: [SLOW], testTimeout: 180_000 }),
    ],
  },
});
