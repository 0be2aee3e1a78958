// Why this exists: the package's JavaScript, dist/esm and dist/cjs, has no dependency left outside. Code that two entries
// share stands in a chunk, so that a class is the same to both. Each file that an entry loads costs 0.6 ms at start (Node
// 20, 2026), so the chunks are few.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { mendBinders } from "./bundle_binders.mjs";
import { ENTRIES } from "./bundle_entries.mjs";
import { slimVariant } from "./bundle_slim.mjs";

const isEntry = (id) => ENTRIES.some((entry) => id.endsWith(`/src/${entry}.ts`));

/** What every reader of files needs; it knows no engine. */
const READERS =
  /\/src\/(\w+|wasm\/(bytes|embedded|webassembly)|cells\/activations|description\/\w+|formats\/\w+|formats\/(safetensors|pytorch)\/\w+)\.ts$/;
const ENGINE =
  /\/src\/(wasm|cells|sequence|layers)\/.*\.ts$|\/src\/model\/give_way\.ts$|\/embedded\/(probe|abi)\b|@assemblyscript\/loader/;
/** Chunks whose imports come first, the last one before all. */
const ORDER = ["engine", "kernels"];
const KERNELS = /\/embedded\/(sets|fusions)\b[^?]*$/;

const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * For hosts that compile no bytes: in place of the text, the import of a `.wasm` file beside the folder, which their tools turn
 * into a compiled module. Wrangler and Next.js both know the query.
 */
const staticModules = {
  name: "static-modules",
  resolveId: (id) => (id.startsWith("wasm:") ? { id, external: true } : undefined),
  load(id) {
    const name = /\/build\/embedded\/([\w./]+)\.js$/.exec(id.replaceAll("\\", "/"))?.[1];
    if (name === undefined || /^(fusions|abi)$/.test(name)) return undefined;
    return `import source from "wasm:${name}";\nexport { source };`;
  },
  renderChunk(code, { fileName }) {
    const up = "../".repeat(fileName.split("/").length);
    return code.replace(/(["'])wasm:([\w./]+)\1/g, `"${up}$2.wasm?module"`);
  },
};

/**
 * The texts of kernels come first, and the chunk that imports them next: a bundler writes chunks in the order in which they
 * are imported, and gzip codes 32 kB of kernels 0.7 kB shorter where no other code stands between (2026).
 */
const kernelsFirst = {
  name: "kernels-first",
  renderChunk(code) {
    // As many lines as before, all in front of the code, so that the source map stays true.
    const lines = code.split("\n");
    const end = lines.findIndex((line) => !/^import\b.*\/\w+\.js";$/.test(line));
    const place = (line) => ORDER.findIndex((name) => line.endsWith(`/${name}.js";`));
    const imports = lines.slice(0, end).sort((a, b) => place(b) - place(a));
    return [...imports, ...lines.slice(end)].join("\n");
  },
};

/** Entries that need no variant for hosts that compile no bytes: they hold no kernels, or start workers, which those lack. */
const ANYWHERE = ["slim", "pool", "pool_worker"];

const open = (plugins, entries = ENTRIES) =>
  rolldown({
    cwd: root,
    input: Object.fromEntries(entries.map((entry) => [entry, `src/${entry}.ts`])),
    platform: "neutral",
    plugins: [slimVariant, mendBinders, kernelsFirst, ...plugins],
    transform: { target: "es2022" },
    // src/pool/spawn.ts asks for import.meta.url, and knows that CommonJS has none.
    checks: { emptyImportMeta: false, sourcemapBroken: false },
    preserveEntrySignatures: "allow-extension",
  });
const bundles = [
  { folder: "esm", format: "esm", bundle: await open([]) },
  { folder: "cjs", format: "cjs", bundle: await open([]) },
  // Package condition "workerd" and "edge-light".
  {
    folder: "workerd",
    format: "esm",
    bundle: await open(
      [staticModules],
      ENTRIES.filter((entry) => !ANYWHERE.includes(entry)),
    ),
  },
];
/** Whether a source is the text of a module, which says nothing to a reader. */
const isEmbedded = (source) => source.includes("build/embedded/");
/** Removes a map, and the comment that names it. */
function dropMap(path) {
  rmSync(path);
  const file = path.replace(/\.map$/, "");
  writeFileSync(file, readFileSync(file, "utf8").replace(/\n\/\/# sourceMappingURL=.*\n?$/, "\n"));
}
/** Which files each output contains, in the form of esbuild's metafiles: scripts/notices.mjs reads both. */
const outputs = {};
for (const { folder, format, bundle } of bundles) {
  const { output } = await bundle.write({
    dir: `dist/${folder}`,
    format,
    exports: "named",
    // For pages and bundlers, which read the ES modules. The text of an embedded module is no source.
    sourcemap: folder === "esm",
    entryFileNames: "[name].js",
    chunkFileNames: "chunks/[name].js",
    codeSplitting: {
      includeDependenciesRecursively: false,
      groups: [
        { name: "kernels", test: (id) => KERNELS.test(id) },
        { name: "readers", test: (id) => READERS.test(id) && !isEntry(id) },
        { name: "keras", test: /\/formats\/keras\//, minShareCount: 2 },
        { name: "engine", test: ENGINE, minShareCount: 2 },
        { name: "model", test: /\/src\/(model|pool|generation|inspection)\//, minShareCount: 2 },
      ],
    },
    // Names stay: stack traces and error messages show them, and without them the start is no faster.
    minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
  });
  for (const { fileName, source } of output.filter((each) => each.fileName.endsWith(".map"))) {
    const map = JSON.parse(source);
    if (map.sources.every(isEmbedded)) {
      dropMap(`${root}/dist/${folder}/${fileName}`);
      continue;
    }
    map.sourcesContent = map.sourcesContent.map((text, i) =>
      isEmbedded(map.sources[i]) ? null : text,
    );
    writeFileSync(`${root}/dist/${folder}/${fileName}`, JSON.stringify(map));
  }
  for (const { fileName, modules } of output.filter(({ type }) => type === "chunk")) {
    const inputs = Object.entries(modules).map(([path, { renderedLength }]) => [
      relative(root, path),
      { bytesInOutput: renderedLength },
    ]);
    outputs[`${folder}/${fileName}`] = { inputs: Object.fromEntries(inputs) };
  }
  await bundle.close();
}
mkdirSync(`${root}/build/metafiles`, { recursive: true });
writeFileSync(`${root}/build/metafiles/package.json`, JSON.stringify({ outputs }));
