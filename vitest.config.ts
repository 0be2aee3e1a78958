import { defineConfig } from "vitest/config";

// The one default export in the house: vitest asks for it.
export default defineConfig({ test: { include: ["test/**/*.test.ts"], testTimeout: 60_000 } });
