// Why this exists: an import runs downward only, and no reviewer should have to look for that. Prints every arrow that
// runs upward or in a circle, and every file that knows what only a room below it may know; fails if there is one.
// Type-only imports count like all others. Usage: node scripts/check_layers.mjs [root]
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path/posix";
import { fileURLToPath } from "node:url";

const root = process.argv[2] ?? fileURLToPath(new URL("..", import.meta.url));
// From the lowest: a file may import from its own layer and from those before it.
const ORDER = {
  assembly: "base version < blas < cells heads optim < index arrays",
  src: "errors tensor < wasm < cells < sequence < functional layers < model formats train < index arrays < cli",
};
// Rooms that import nothing from outside; test/oracle, bench and examples know the package by its name at most.
const FOLDERS = ["assembly", "src", "test/oracle", "bench", "examples"];
const bare = (path) => path.replace(/(\.d)?\.(ts|js|mjs)$/, "");
function layer(path) {
  const [top, room] = bare(path).split("/");
  return ORDER[top]?.split(" < ").findIndex((rooms) => rooms.split(" ").includes(room)) ?? 0;
}

function* files(folder) {
  if (!existsSync(join(root, folder))) return;
  for (const name of readdirSync(join(root, folder), { recursive: true })) {
    if (!/\.(ts|js|mjs)$/.test(name) || name.includes("node_modules")) continue;
    const path = join(folder, name);
    const comment = /\/\*.*?\*\/|(?<=^|\s)\/\/[^\n]*/gs;
    const text = readFileSync(join(root, path), "utf8").replace(comment, "");
    const relative = text.matchAll(/\b(?:from|import)\s*\(?\s*["'](\.[^"']*)["']/g);
    yield { path, text, imports: [...relative].map(([, to]) => join(dirname(path), to)) };
  }
}

const [faults, graph, walked] = [[], new Map(), new Set()];
for (const folder of FOLDERS) {
  for (const { path, text, imports } of files(folder)) {
    graph.set(bare(path), imports.map(bare));
    if (layer(path) < 0) faults.push(`${path}: its room has no place in scripts/check_layers.mjs`);
    const wasm = path.startsWith("src/wasm/");
    const names = folder === "src" && !wasm && /\b(WebAssembly|memory\.buffer)\b/i.exec(text)?.[0];
    if (names) faults.push(`${path}: names ${names}, as only src/wasm may`);
    for (const to of imports) {
      const down = to.startsWith(`${folder}/`) && layer(to) <= layer(path);
      const embedded = wasm && to.startsWith("build/embedded/");
      if (!down && !embedded) faults.push(`${path}: imports ${to}`);
    }
  }
}

function walk(path, above) {
  if (above.includes(path)) faults.push([...above.slice(above.indexOf(path)), path].join(" → "));
  if (walked.has(path)) return;
  walked.add(path);
  for (const to of graph.get(path) ?? []) walk(to, [...above, path]);
}
for (const path of graph.keys()) walk(path, []);

for (const fault of faults) console.error(fault);
process.exitCode = Math.min(faults.length, 1);
