import { defineConfig } from "vitest/config";

// Node 20 has relaxed SIMD behind a flag, later ones have it: without it the relaxed build would go unproved.
const execArgv = process.versions.node.startsWith("20.")
  ? ["--experimental-wasm-relaxed-simd"]
  : [];

// The one default export in the house: vitest asks for it.
export default defineConfig({
  test: { include: ["test/**/*.test.ts"], testTimeout: 60_000, execArgv },
});
