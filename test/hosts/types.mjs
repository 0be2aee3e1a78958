// Compilers: a program without the dom library, every declaration checked.

import { join } from "node:path";
import { node, project, run, tools, VERSIONS } from "./workshop.mjs";

const compilerOptions = {
  strict: true,
  noEmit: true,
  skipLibCheck: false,
  target: "es2022",
  lib: ["es2022"],
  module: "nodenext",
  types: [],
};

const compilers = Object.keys(VERSIONS).filter((name) => name.startsWith("typescript@"));

export const rows = compilers.map((tool) => ({
  host: "TypeScript",
  tool,
  what: "strict, the ES2022 library alone, `skipLibCheck: false`: 0 errors",
  async run() {
    const config = JSON.stringify({ compilerOptions, files: ["src/types.mts"] });
    const folder = project(tool, { files: { "tsconfig.json": config } });
    const tsc = join(tools(tool), `node_modules/typescript-${VERSIONS[tool]}/bin/tsc`);
    await run(node(), [tsc, "-p", "."], { cwd: folder });
  },
}));
