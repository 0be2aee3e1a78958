// The rivals' packages stand in bench/rivals/node_modules, out of reach of an import from build/bench. What this room
// calls of them is declared where it is called: the types must hold where no rival is installed.
import { createRequire } from "node:module";

export const requireRival = createRequire(`${process.cwd()}/bench/rivals/package.json`);
