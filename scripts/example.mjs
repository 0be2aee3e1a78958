// Why this exists: an example runs straight after `npm ci`. Node 20 cannot run TypeScript, so it is bundled first; it uses
// the built package as any user does, so the package is built if it is missing.
// Usage: node scripts/example.mjs NAME [options of examples/NAME]
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const [name] = process.argv.splice(2, 1);
const bundle = `build/examples/${name}.js`;

if (!existsSync(`${root}/dist/esm/index.js`)) {
  console.error("Building the package, once …");
  await import("./build.mjs");
}
await build({
  absWorkingDir: root,
  entryPoints: [`examples/${name}/main.ts`],
  outfile: bundle,
  bundle: true,
  packages: "external",
  platform: "node",
  format: "esm",
  target: "node20",
  logLevel: "warning",
});
await import(`../${bundle}`);
