// Why this exists: the wasm travels inside the JavaScript, as base64, because every host and bundler can read that.
// Writes build/embedded/{kernels,kernels.relaxed,graph,train,arrays}.js and .d.ts, plain modules that tsc, vitest and esbuild read alike.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";

const build = new URL("../build/", import.meta.url);
const embedded = new URL("embedded/", build);

mkdirSync(embedded, { recursive: true });
for (const name of ["kernels", "kernels.relaxed", "graph", "train", "arrays"]) {
  const base64 = readFileSync(new URL(`${name}.wasm`, build)).toString("base64");
  writeFileSync(new URL(`${name}.js`, embedded), `export const source = "${base64}";\n`);
  writeFileSync(new URL(`${name}.d.ts`, embedded), "export declare const source: string;\n");
}
