// Why this exists: the wasm travels inside the JavaScript, as text, because every host and bundler can read that.
// Writes build/embedded/NAME.js and .d.ts, plain modules that tsc, vitest and esbuild read alike.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { SETS, TABLES_END } from "./compile_sets.mjs";
import { encode } from "./embed_encoding.mjs";
import { fusionsOf, tablesOf } from "./embed_wasm.mjs";

const build = new URL("../build/", import.meta.url);
const embedded = new URL("embedded/", build);
const wasm = (name) => readFileSync(new URL(`${name}.wasm`, build));

/** Throws unless all tables of a module lie within `start` … `end`, so that no two modules share a byte. */
function checkTables(name, bytes, start, end) {
  for (const table of tablesOf(bytes)) {
    if (table.start >= start && table.end <= end) continue;
    throw new Error(`${name}: table ${table.start} … ${table.end} beyond ${start} … ${end}`);
  }
}

function write(name, constants) {
  const code = Object.entries(constants).map(([key, text]) => `export const ${key} = "${text}";\n`);
  const types = Object.keys(constants).map((key) => `export declare const ${key}: string;\n`);
  writeFileSync(new URL(`${name}.js`, embedded), code.join(""));
  writeFileSync(new URL(`${name}.d.ts`, embedded), types.join(""));
}

mkdirSync(embedded, { recursive: true });
SETS.forEach(({ name, memoryBase }, i) => {
  const bytes = wasm(`sets/${name}`);
  checkTables(name, bytes, memoryBase, SETS[i + 1]?.memoryBase ?? memoryBase + 1280);
  const fusions = fusionsOf(name, bytes, wasm(`sets/${name}.fused`));
  write(name, { text: encode(bytes), fusions: encode(Uint8Array.from(fusions)) });
});
const { memoryBase } = SETS[SETS.length - 1];
checkTables("graph", wasm("graph"), memoryBase + 1280, TABLES_END);
for (const name of ["graph", "arrays"]) write(name, { text: encode(wasm(name)) });
