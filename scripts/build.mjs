// Why this exists: one command makes everything that is shipped, in the order in which the parts need each other.
//   build/*.wasm      the kernels (debug, release and relaxed) and the arrays module
//   build/embedded/   the same as base64 inside JavaScript
//   dist/esm, dist/cjs   the package: JavaScript and types, no dependency left outside
//   dist/cli.js       the command
//   dist/*.wasm       the release builds once more, for those who serve or compile them on their own
import { execFileSync } from "node:child_process";
import { cpSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const require = createRequire(import.meta.url);

/** What is imported by a name of its own: package.json, "exports". */
const FORMATS = ["safetensors", "onnx", "keras", "tensorflowjs"];
const ENTRIES = ["index", "arrays", ...FORMATS.map((name) => `formats/${name}`)];

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
run(asc, "assembly/arrays.ts", "--target", "arrays", ...transforms);
run("scripts/embed.mjs");

rmSync(`${root}/dist`, { recursive: true, force: true });
const options = { absWorkingDir: root, target: "es2022", logLevel: "warning" };
await build({
  ...options,
  entryPoints: ENTRIES.map((entry) => `src/${entry}.ts`),
  outdir: "dist/esm",
  format: "esm",
  bundle: true,
  splitting: true,
  platform: "neutral",
});
// CommonJS is the same files in its words, so that its entries share their classes, too: an engine of one is known to all.
const files = readdirSync(`${root}/dist/esm`, { recursive: true });
await build({
  ...options,
  entryPoints: files.filter((file) => file.endsWith(".js")).map((file) => `dist/esm/${file}`),
  outbase: "dist/esm",
  outdir: "dist/cjs",
  format: "cjs",
  platform: "node",
});
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
