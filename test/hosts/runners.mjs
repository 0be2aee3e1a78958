// Test runners whose environment is jsdom.
import { GOLDEN, node, project, run, tools } from "./workshop.mjs";

const runner = (host, tool, { toolbox, words, files }) => ({
  host,
  tool,
  what: "the jsdom environment",
  async run() {
    const folder = project(host, { toolbox: tools(...toolbox), files });
    await run(node(), words, { cwd: folder, env: { GOLDEN } });
  },
});

export const rows = [
  runner("Jest", "jest", {
    toolbox: ["jest", "jest-environment-jsdom"],
    words: ["node_modules/jest/bin/jest.js", "--env=jsdom", "src/jest.test.cjs"],
    files: {
      "jest.config.cjs": 'module.exports = { testMatch: ["**/*.test.cjs"], transform: {} };\n',
    },
  }),
  runner("Vitest", "vitest", {
    toolbox: ["vitest", "jsdom"],
    words: ["node_modules/vitest/vitest.mjs", "run", "--environment=jsdom", "src/vitest.test.js"],
    files: {},
  }),
];
