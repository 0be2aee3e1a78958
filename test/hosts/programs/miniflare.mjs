// Prints what the worker in out/ answers in workerd. Usage: node miniflare.mjs FOLDER DATE [FLAG…]
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [folder, compatibilityDate, ...compatibilityFlags] = process.argv.slice(2);
const { Miniflare } = createRequire(`${folder}/x.js`)("miniflare");

const KINDS = { js: "ESModule", wasm: "CompiledWasm", safetensors: "Data" };
const modules = readdirSync("out")
  .map((path) => ({ path, type: KINDS[path.split(".").at(-1)] }))
  .filter(({ type }) => type !== undefined)
  .map(({ path, type }) => {
    const bytes = readFileSync(`out/${path}`);
    return { path, type, contents: type === "ESModule" ? bytes.toString() : bytes };
  })
  // The first one is the worker.
  .sort((a, b) => Number(b.type === "ESModule") - Number(a.type === "ESModule"));
const worker = new Miniflare({ modules, compatibilityDate, compatibilityFlags });
const response = await worker.dispatchFetch("http://127.0.0.1/");
process.stdout.write(await response.text());
await worker.dispose();
