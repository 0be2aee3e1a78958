// Why this exists: the wasm travels inside the JavaScript, as text, because every host and bundler can read that.
// Writes build/embedded/NAME.js and .d.ts, plain modules that tsc, vitest and esbuild read alike: each exports `source`.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { GRAPH_END, SETS, SETS_END, TRAIN_END } from "./compile_sets.mjs";
import { encode } from "./embed_encoding.mjs";
import { fusionsOf, tablesOf } from "./embed_wasm.mjs";

const build = new URL("../build/", import.meta.url);
const embedded = new URL("embedded/", build);
const wasm = (name) => readFileSync(new URL(`${name}.wasm`, build));

/** Throws unless all tables of a module lie within `start` … `end`, so that it shares no byte with a module of others. */
function checkTables(name, bytes, start, end) {
  for (const table of tablesOf(bytes)) {
    if (table.start >= start && table.start + table.bytes.length <= end) continue;
    throw new Error(`${name}: a table at ${table.start} beyond ${start} … ${end}`);
  }
}

/** Throws unless a set has the tables of the first one, or none: they lie at one place. */
function checkShared(name, bytes) {
  const [first, own] = [wasm(`sets/${SETS[0].name}`), bytes].map((each) =>
    tablesOf(each).map((table) => [table.start, table.bytes.toString("hex")].join()),
  );
  if (own.length > 0 && first.join() !== own.join())
    throw new Error(`${name}: its tables differ from ${SETS[0].name}'s`);
}

/** Throws unless the memory is all that a module imports: the binder in the bundle brings nothing else (bundle_binders.mjs). */
function checkImports(name, bytes) {
  const imports = WebAssembly.Module.imports(new WebAssembly.Module(bytes));
  if (imports.length === 1 && imports[0].kind === "memory") return;
  throw new Error(`${name}: expected one import, the memory, got ${JSON.stringify(imports)}`);
}

/** The functions of the full build and the numbers of their parameters, as src/wasm/instance.ts counts them. */
function fingerprint() {
  const env = { memory: new WebAssembly.Memory({ initial: 1 }) };
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(wasm("kernels")), { env });
  let hash = 0;
  for (const name of Object.keys(exports).sort()) {
    for (const letter of `${name} ${exports[name].length}`) {
      hash = (Math.imul(hash, 31) + letter.charCodeAt(0)) | 0;
    }
  }
  return hash;
}

function write(name, constants) {
  const code = Object.entries(constants).map(([key, text]) => `export const ${key} = "${text}";\n`);
  const types = Object.keys(constants).map((key) => `export declare const ${key}: string;\n`);
  writeFileSync(new URL(`${name}.js`, embedded), code.join(""));
  writeFileSync(new URL(`${name}.d.ts`, embedded), types.join(""));
}

/** A module with one SIMD instruction, a splat: SIMD_PROBE in src/wasm/instance.ts. */
const PROBE = [
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0],
  ...[10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11],
];

mkdirSync(new URL("sets/", embedded), { recursive: true });
writeFileSync(new URL("probe.wasm", build), Uint8Array.from(PROBE));
const fusions = {};
for (const { name } of SETS) {
  const bytes = wasm(`sets/${name}`);
  checkTables(name, bytes, 0, SETS_END);
  checkShared(name, bytes);
  checkImports(name, bytes);
  const places = fusionsOf(name, bytes, wasm(`sets/${name}.fused`));
  if (places.length > 0) fusions[name] = encode(Uint8Array.from(places));
  write(`sets/${name}`, { source: encode(bytes) });
}
write("fusions", fusions);
writeFileSync(new URL("abi.js", embedded), `export const fingerprint = ${fingerprint()};\n`);
writeFileSync(new URL("abi.d.ts", embedded), "export declare const fingerprint: number;\n");
checkTables("graph", wasm("graph"), SETS_END, GRAPH_END);
checkTables("train", wasm("train"), GRAPH_END, TRAIN_END);
for (const name of ["kernels", "graph", "train"]) checkImports(name, wasm(name));
for (const name of ["graph", "train", "arrays"]) write(name, { source: encode(wasm(name)) });
// Only the builds with static imports have it as a module.
write("probe", { source: "" });
