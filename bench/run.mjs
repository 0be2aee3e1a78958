// npm run bench [-- --quick | --check | --publish]: bundles the room (the package and the rivals stay outside), then runs
// it. Why a bundle: this Node runs no TypeScript.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
if (!existsSync(`${root}/dist/esm/index.js`)) {
  console.error("bench: the package is not built: run `npm run build` first");
  process.exit(1);
}
const ours = [
  "layer",
  "functions",
  "maps",
  "ceiling",
  "first_score",
  "language",
  "first_open",
  "empty",
];
const rivals = ["plain", "onnxruntime", "tensorflow", "brain"];
const language = ["onnxruntime_language", "tensorflow_language", "first_open"];
const names = [
  ...["main", ...ours.map((name) => `ours/${name}`)],
  ...[...rivals, ...language].map((name) => `rivals/${name}`),
];
await build({
  absWorkingDir: root,
  entryPoints: names.map((name) => `bench/${name}.ts`),
  outbase: "bench",
  outdir: "build/bench",
  ...{ bundle: true, packages: "external", format: "esm", platform: "node", target: "node20" },
});
const words = ["build/bench/main.js", ...process.argv.slice(2)];
const { status } = spawnSync(process.execPath, words, { cwd: root, stdio: "inherit" });
process.exit(status ?? 1);
