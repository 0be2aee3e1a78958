// Why this exists: one command makes everything that is shipped, in the order in which the parts need each other.
//   build/*.wasm      the kernels (debug, release and relaxed), the graph module and the arrays module
//   build/sets/*.wasm the kernels by what a program needs, exact and with fused products
//   build/embedded/   the sets, the graph module and the arrays module as text inside JavaScript
//   build/inputs.json the hashes of what was built, so that a stale build is seen
//   dist/esm, dist/cjs   the package: JavaScript, no dependency left outside
//   dist/types        its declarations, once
//   dist/cli.js       the command
//   dist/THIRD_PARTY_NOTICES.txt   the licences of what the bundles contain
//   dist/*.wasm       the release builds once more, for those who serve or compile them on their own
//   server/dist/      the service, a package of its own beside this one
import { spawn } from "node:child_process";
import { cpSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { inputs, stamp } from "./build_inputs.mjs";
import { SETS } from "./compile_sets.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const require = createRequire(import.meta.url);

/** Runs a script in a process of its own, so that several use several cores. */
function run(script, ...args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...args], { cwd: root, stdio: "inherit" });
    child.on("error", reject);
    child.on("exit", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${[script, ...args].join(" ")} ended with ${code}`));
    });
  });
}

const tsc = require.resolve("typescript/bin/tsc");

// Taken first: what changes during the build makes it stale.
const read = inputs();
rmSync(`${root}/build`, { recursive: true, force: true });

const TARGETS = ["debug", "release", "relaxed", "graph", "train", "arrays", "set", "fused_set"];
await Promise.all(TARGETS.map((target) => run("scripts/compile.mjs", target)));
await run("scripts/embed.mjs");

rmSync(`${root}/dist`, { recursive: true, force: true });
await Promise.all([
  run("scripts/bundle.mjs"),
  run("scripts/build_cli.mjs"),
  run(tsc, "-p", "tsconfig.build.json"),
]);
await run("scripts/portable_types.mjs", "build/types");
await run("scripts/bundle_types.mjs");
const sets = SETS.map(({ name }) => `sets/${name}`);
for (const name of ["kernels", "kernels.relaxed", "graph", "train", "arrays", "probe", ...sets]) {
  cpSync(`${root}/build/${name}.wasm`, `${root}/dist/${name}.wasm`);
}
await run("scripts/notices.mjs");
writeFileSync(`${root}/dist/cjs/package.json`, '{ "type": "commonjs" }\n');
await run("scripts/build_server.mjs");
stamp(read);
