// The rivals' packages are in bench/rivals/node_modules, where an import from build/bench does not find them. The calls
// declare the types that they use, because no rival may be installed.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

export const requireRival = createRequire(`${process.cwd()}/bench/rivals/package.json`);

/** The version of an installed rival. */
export const versionOf = (name: string): string =>
  JSON.parse(readFileSync(`bench/rivals/node_modules/${name}/package.json`, "utf8")).version;
