// The rivals' packages are in bench/rivals/node_modules, where an import from build/bench does not find them. The calls
// declare the types that they use, because no rival may be installed.
import { createRequire } from "node:module";

export const requireRival = createRequire(`${process.cwd()}/bench/rivals/package.json`);
