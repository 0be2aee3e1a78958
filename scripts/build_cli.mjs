// Why this exists: the command is a program for Node beside a package that runs anywhere. It is bundled with the libraries
// that read arguments, tables and progress, so that whoever installs the package gets no dependency; the engine and the
// readers of files are the package's own bundles, which are loaded and not copied. The commands that train are a second file,
// and what reads a tokenizer.json a third: they are loaded when they are asked for, so that the others start as fast as before.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const { version } = JSON.parse(readFileSync(`${root}/package.json`, "utf8"));

const ownEntries = {
  name: "own-entries",
  setup({ onResolve }) {
    const filter = /^(\.\.\/)+(index|inspect|onnx|pool|train|formats\/\w+)\.js$/;
    onResolve({ filter }, ({ path }) => ({
      path: path.replace(/^(\.\.\/)+/, "./esm/"),
      external: true,
    }));
    onResolve({ filter: /^\.{1,2}\/(learning|tokenizer)\.js$/ }, ({ path }) => ({
      path: path.replace(/^\.+\//, "./cli_"),
      external: true,
    }));
  },
};

mkdirSync(`${root}/build/metafiles`, { recursive: true });

/** Bundles an entry of src/cli as a program for Node. */
async function program(entry, name) {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [`src/cli/${entry}.ts`],
    outfile: `dist/${name}.js`,
    bundle: true,
    format: "esm",
    target: "node20",
    platform: "node",
    define: { VERSION: JSON.stringify(version) },
    // What the bundled CommonJS libraries ask Node for.
    banner: {
      js: 'import { createRequire as requireFrom } from "node:module";\nconst require = requireFrom(import.meta.url);',
    },
    plugins: [ownEntries],
    metafile: true,
  });
  writeFileSync(`${root}/build/metafiles/${name}.json`, JSON.stringify(metafile));
}

await Promise.all([
  program("main", "cli"),
  program("learning", "cli_learning"),
  program("tokenizer", "cli_tokenizer"),
]);
