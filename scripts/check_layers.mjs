// Checks that every import runs downward, that each room knows only the npm packages it may know, and that no two files
// import each other. Prints each fault; exits with 1 if there is one. Type-only imports count like all others.
// Usage: node scripts/check_layers.mjs [root]
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path/posix";
import { fileURLToPath } from "node:url";

const root = process.argv[2] ?? fileURLToPath(new URL("..", import.meta.url));

/** From the lowest tier to the highest. A file imports from its own room and from tiers below, never from a peer. */
const TIERS = {
  assembly: [
    "base | version.d.ts",
    "blas",
    "cells | heads | optim | nn",
    "index.ts | graph.ts | train.ts | arrays.ts | sets",
  ],
  src: [
    "errors.ts | host.ts | utf8.ts",
    "tensor.ts",
    "options.ts",
    "wasm",
    "cells",
    "sequence",
    "functional | layers",
    "description",
    "formats",
    "graph",
    "model",
    "train | generation",
    "data | inspection",
    "pool",
    "index.ts | forward.ts | arrays.ts | onnx.ts | train.ts | generate.ts | inspect.ts | pool.ts | pool_worker.ts",
    "slim.ts",
    "cli",
  ],
  "src/formats": [
    "bytes.ts | file_kinds.ts | finite.ts | gates.ts | halves.ts | options.ts",
    "safetensors | onnx | hdf5",
    "keras",
    "pytorch | tensorflowjs",
    "safetensors.ts | onnx.ts | keras.ts | tensorflowjs.ts",
  ],
  "server/src": [
    "problem.ts | settings.ts | metrics.ts",
    "state",
    "serving",
    "live | jobs",
    "http",
    "index.ts",
    "main.ts | cli",
  ],
};
/**
 * Folders that import nothing from outside themselves; bench and examples know the package by its name. Tests are not
 * checked: those of the oracle stand in its room.
 */
const FOLDERS = ["assembly", "src", "test/oracle", "bench", "examples", "server/src"];
/** What a folder may import of another. */
const BESIDE = { bench: "test/oracle" };
/** The npm packages of src, and the rooms that may import them. `node:` is for cli only. */
const PACKAGES = {
  "@assemblyscript/loader": ["wasm"],
  "as-bind": ["wasm"],
  fflate: ["formats/hdf5", "formats/keras", "cli"],
  commander: ["cli"],
  "cli-progress": ["cli"],
  "cli-table3": ["cli"],
  "csv-parse": ["cli"],
  "@huggingface/tokenizers": ["cli"],
  uplot: ["cli"],
};

const bare = (path) => path.replace(/(\.d)?\.(ts|js|mjs)$/, "");

/** The tier and room of a path within `top`, or undefined outside it: a folder, or a file that lies there itself. */
function roomOf(top, path) {
  if (!path.startsWith(`${top}/`)) return undefined;
  const room = path
    .slice(top.length + 1)
    .split("/")[0]
    .replace(/\.js$/, ".ts");
  const tier = TIERS[top].findIndex((rooms) => rooms.split(" | ").includes(room));
  return { room, tier };
}

/** Whether `from` may import `to`, as far as the tiers of `top` say. */
function runsDown(top, from, to) {
  const [a, b] = [roomOf(top, from), roomOf(top, to)];
  return a === undefined || b === undefined || a.room === b.room || b.tier < a.tier;
}

/** The packages that the service depends on. */
const serverPackages = existsSync(join(root, "server/package.json"))
  ? Object.keys(JSON.parse(readFileSync(join(root, "server/package.json"), "utf8")).dependencies)
  : [];

/** @returns a package that a file of src or of server/src may not import */
function packageFault(path, name) {
  if (path.startsWith("server/")) {
    const isKnown = serverPackages.some((each) => name === each || name.startsWith(`${each}/`));
    return isKnown || name.startsWith("node:") ? undefined : name;
  }
  if (name.startsWith("node:")) return path.startsWith("src/cli/") ? undefined : name;
  const known = Object.keys(PACKAGES).find((each) => name === each || name.startsWith(`${each}/`));
  const allowed = PACKAGES[known] ?? [];
  return allowed.some((room) => path.startsWith(`src/${room}/`)) ? undefined : name;
}

function* files(folder) {
  if (!existsSync(join(root, folder))) return;
  for (const name of readdirSync(join(root, folder), { recursive: true })) {
    if (!/(?<!\.test)\.(ts|js|mjs)$/.test(name) || name.includes("node_modules")) continue;
    const path = join(folder, name);
    const comment = /\/\*.*?\*\/|(?<=^|\s)\/\/[^\n]*/gs;
    const text = readFileSync(join(root, path), "utf8").replace(comment, "");
    const imports = text.matchAll(/(?<!["'])\b(?:from|import)\s*\(?\s*["']([^"'\n]+)["']/g);
    yield { path, text, imports: [...imports].map(([, to]) => to) };
  }
}

const faults = [];
const graph = new Map();
for (const folder of FOLDERS) {
  for (const { path, text, imports } of files(folder)) {
    const tops = Object.keys(TIERS).filter((top) => roomOf(top, path) !== undefined);
    for (const top of tops) {
      if (roomOf(top, path).tier < 0) faults.push(`${path}: its room has no place in ${top}`);
    }
    const isWasm = path.startsWith("src/wasm/");
    const named =
      folder === "src" && !isWasm && /\b(WebAssembly|memory\.buffer)\b/i.exec(text)?.[0];
    if (named) faults.push(`${path}: names ${named}, as only src/wasm may`);
    const targets = [];
    for (const name of imports) {
      if (!name.startsWith(".")) {
        const fault = /^(server\/)?src$/.test(folder) && packageFault(path, name);
        if (fault) faults.push(`${path}: imports ${fault}, which its room may not`);
        continue;
      }
      const to = join(dirname(path), name);
      targets.push(bare(to));
      if (isWasm && to.startsWith("build/embedded/")) continue;
      if (BESIDE[folder] && to.startsWith(`${BESIDE[folder]}/`)) continue;
      if (!to.startsWith(`${folder}/`) || !tops.every((top) => runsDown(top, path, to))) {
        faults.push(`${path}: imports ${to}`);
      }
    }
    graph.set(bare(path), targets);
  }
}

const walked = new Set();
function walk(path, above) {
  if (above.includes(path)) faults.push([...above.slice(above.indexOf(path)), path].join(" → "));
  if (walked.has(path)) return;
  walked.add(path);
  for (const to of graph.get(path) ?? []) walk(to, [...above, path]);
}
for (const path of graph.keys()) walk(path, []);

for (const fault of faults) console.error(fault);
process.exitCode = Math.min(faults.length, 1);
