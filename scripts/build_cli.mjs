// Why this exists: the command is a program for Node beside a package that runs anywhere. It is bundled with the libraries
// that read arguments, tables and progress, so that whoever installs the package gets no dependency; the engine and the
// readers of files are the package's own bundles, which are loaded and not copied.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const { version } = JSON.parse(readFileSync(`${root}/package.json`, "utf8"));

const ownEntries = {
  name: "own-entries",
  setup({ onResolve }) {
    onResolve({ filter: /^\.\.\/(index|onnx|pool|formats\/\w+)\.js$/ }, ({ path }) => ({
      path: path.replace("../", "./esm/"),
      external: true,
    }));
  },
};

const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: ["src/cli/main.ts"],
  outfile: "dist/cli.js",
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
mkdirSync(`${root}/build/metafiles`, { recursive: true });
writeFileSync(`${root}/build/metafiles/cli.json`, JSON.stringify(metafile));
