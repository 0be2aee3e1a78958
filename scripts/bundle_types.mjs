// Why this exists: the package holds its types once. tsc makes a declaration of each source; these are bundled by entry,
// without what no entry shows, into dist/types, a CommonJS folder, which `require` reads as it is. An ES module may re-export
// what a CommonJS one declares, not the other way round: so the declarations in dist/esm are one line each.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, relative } from "node:path/posix";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { dts } from "rolldown-plugin-dts";
import { ENTRIES } from "./bundle_entries.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
/** `Symbol.dispose`; the bundler drops what src/wasm/handle.ts says of it. */
const LIBRARY = '/// <reference lib="esnext.disposable" preserve="true" />\n';

const bundle = await rolldown({
  cwd: root,
  input: Object.fromEntries(ENTRIES.map((entry) => [entry, `build/types/${entry}.d.ts`])),
  plugins: [dts({ dtsOnly: true, sourcemap: false })],
});
const { output } = await bundle.write({
  dir: "dist/types",
  entryFileNames: "[name].d.ts",
  chunkFileNames: "[name].d.ts",
  codeSplitting: { groups: [{ name: "shared", minShareCount: 2 }] },
});
await bundle.close();
for (const { fileName } of output) {
  const path = `${root}/dist/types/${fileName}`;
  writeFileSync(path, LIBRARY + readFileSync(path, "utf8"));
}
writeFileSync(`${root}/dist/types/package.json`, '{ "type": "commonjs" }\n');
for (const entry of ENTRIES) {
  const path = `dist/esm/${entry}.d.ts`;
  mkdirSync(dirname(`${root}/${path}`), { recursive: true });
  const types = relative(dirname(path), `dist/types/${entry}.js`);
  writeFileSync(`${root}/${path}`, `export * from "${types}";\n`);
}
