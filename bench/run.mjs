// npm run bench [-- --quick | --check | --publish | train | generation], npm run bench:graphs: bundles the bench and runs it. The package and the rivals stay outside
// the bundles. They are needed because this Node runs no TypeScript.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
if (!existsSync(`${root}/dist/esm/index.js`)) {
  console.error("bench: the package is not built: run `npm run build` first");
  process.exit(1);
}
const scripts = ["ours", "rivals", "graphs", "train", "generation"].flatMap((folder) =>
  readdirSync(`${root}/bench/${folder}`)
    .filter((name) => name.endsWith(".ts"))
    .map((name) => `bench/${folder}/${name}`),
);
await build({
  absWorkingDir: root,
  entryPoints: ["bench/main.ts", ...scripts],
  outbase: "bench",
  outdir: "build/bench",
  bundle: true,
  packages: "external",
  format: "esm",
  platform: "node",
  target: "node20",
});
const [first, ...rest] = process.argv.slice(2);
const words =
  first === "graphs" || first === "train" || first === "generation"
    ? [`build/bench/${first}/main.js`, ...rest]
    : ["build/bench/main.js", ...process.argv.slice(2)];
const { status } = spawnSync(process.execPath, words, { cwd: root, stdio: "inherit" });
process.exit(status ?? 1);
