// Why this exists: one command makes everything that is shipped, in the order in which the parts need each other.
//   build/*.wasm      the kernels (debug, release and relaxed) and the arrays module
//   build/embedded/   the same as base64 inside JavaScript
//   dist/esm, dist/cjs   the package: JavaScript and types, no dependency left outside
//   dist/cli.js       the command
//   dist/*.wasm       the release builds once more, for those who serve or compile them on their own
import { execFileSync } from "node:child_process";
import { cpSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const require = createRequire(import.meta.url);

function run(script, ...args) {
  execFileSync(process.execPath, [script, ...args], { cwd: root, stdio: "inherit" });
}

const asc = fileURLToPath(new URL("../bin/asc.js", import.meta.resolve("assemblyscript")));
const tsc = require.resolve("typescript/bin/tsc");
const transforms = ["as_bind_transform", "package_version_transform"].flatMap((name) => [
  "--transform",
  `./scripts/${name}.mjs`,
]);

run(asc, "assembly/index.ts", "--target", "debug");
run(asc, "assembly/index.ts", "--target", "release");
run(asc, "assembly/index.ts", "--target", "relaxed");
run(asc, "assembly/graph.ts", "--target", "graph");
run(asc, "assembly/arrays.ts", "--target", "arrays", ...transforms);
run("scripts/embed.mjs");

rmSync(`${root}/dist`, { recursive: true, force: true });
run("scripts/bundle.mjs");
for (const name of ["kernels", "kernels.relaxed", "arrays"]) {
  cpSync(`${root}/build/${name}.wasm`, `${root}/dist/${name}.wasm`);
}
run("scripts/build_cli.mjs");
run(tsc, "-p", "tsconfig.build.json");
// The same types serve require: a package.json of its own makes them, and the JavaScript beside them, CommonJS.
cpSync(`${root}/dist/esm`, `${root}/dist/cjs`, {
  recursive: true,
  filter: (path) => !path.endsWith(".js"),
});
writeFileSync(`${root}/dist/cjs/package.json`, '{ "type": "commonjs" }\n');
