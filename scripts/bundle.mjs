// Why this exists: the package's JavaScript, dist/esm and dist/cjs, has no dependency left outside, and what two entries
// share stands in a file of its own, so that a class is the same to both.
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
/** What is imported by a name of its own: package.json, "exports". */
const FORMATS = ["safetensors", "keras", "tensorflowjs"];
const ENTRIES = ["index", "arrays", "onnx", ...FORMATS.map((name) => `formats/${name}`)];

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
