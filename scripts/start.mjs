// Why this exists: `npm start` works straight after `npm ci`. Node 20 cannot run TypeScript, so the example is bundled
// first; it uses the built package as any user does, so the package is built if it is missing.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const bundle = "build/examples/words.js";

if (!existsSync(`${root}/dist/esm/index.js`)) {
  console.error("Building the package, once …");
  await import("./build.mjs");
}
await build({
  absWorkingDir: root,
  entryPoints: ["examples/words/main.ts"],
  outfile: bundle,
  bundle: true,
  packages: "external",
  platform: "node",
  format: "esm",
  target: "node20",
  logLevel: "warning",
});
await import(`../${bundle}`);
