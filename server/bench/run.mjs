// npm run bench:server [-- --seconds 10 | --only throughput,live | --check]: bundles the load bench and runs it. This Node
// runs no TypeScript; the packages stay outside of the bundles.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../..", import.meta.url));
for (const [file, command] of [
  ["dist/esm/index.js", "npm run build"],
  ["server/dist/main.js", "npm run build --workspace server"],
]) {
  if (existsSync(`${root}${file}`)) continue;
  console.error(`bench:server: ${file} is not built: run \`${command}\` first`);
  process.exit(1);
}
await build({
  absWorkingDir: root,
  entryPoints: ["main", "alone", "rivals/single", "rivals/batched", "rivals/alone"].map(
    (name) => `server/bench/${name}.ts`,
  ),
  outbase: "server/bench",
  outdir: "build/server-bench",
  bundle: true,
  packages: "external",
  format: "esm",
  platform: "node",
  target: "node20",
});
const words = ["build/server-bench/main.js", ...process.argv.slice(2)];
const { status } = spawnSync(process.execPath, words, { cwd: root, stdio: "inherit" });
process.exit(status ?? 1);
