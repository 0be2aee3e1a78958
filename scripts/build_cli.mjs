// Why this exists: the command is a program for Node beside a package that runs anywhere. It is bundled with the libraries
// that read arguments, tables and progress, so that whoever installs the package gets no dependency; the engine and the
// readers of files are the package's own bundles, which are loaded and not copied. The commands that train are a second file,
// and what reads a tokenizer.json a third: they are loaded when they are asked for, so that the others start as fast as before.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { ENTRIES } from "./bundle_entries.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const { version } = JSON.parse(readFileSync(`${root}/package.json`, "utf8"));

const ownEntries = {
  name: "own-entries",
  setup({ onResolve }) {
    onResolve({ filter: /^(\.\.\/)+[\w/]+\.js$/ }, ({ path, resolveDir }) => {
      const entry = relative(`${root}/src`, resolve(resolveDir, path)).replace(/\.js$/, "");
      return ENTRIES.includes(entry) ? { path: `./esm/${entry}.js`, external: true } : undefined;
    });
    onResolve({ filter: /^\.{1,2}\/(learning|tokenizer)\.js$/ }, ({ path }) => ({
      path: path.replace(/^\.+\//, "./cli_"),
      external: true,
    }));
  },
};

mkdirSync(`${root}/build/metafiles`, { recursive: true });

const metadataOf = (name, metafile) =>
  writeFileSync(`${root}/build/metafiles/${name}.json`, JSON.stringify(metafile));

/** The script or the style of the page that `recurra report` writes, as text. */
async function pagePart(entry, name) {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: [`src/cli/report/page/${entry}`],
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: "es2022",
    metafile: true,
    outdir: "build",
  });
  metadataOf(name, metafile);
  // A script inside HTML ends at the first "</script", wherever that stands.
  return JSON.stringify(outputFiles[0].text.trim().replaceAll("</script", "<\\/script"));
}

const [REPORT_SCRIPT, REPORT_STYLE] = await Promise.all([
  pagePart("main.ts", "report_script"),
  pagePart("style.css", "report_style"),
]);

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
    define: { VERSION: JSON.stringify(version), REPORT_SCRIPT, REPORT_STYLE },
    // What the bundled CommonJS libraries ask Node for.
    banner: {
      js: 'import { createRequire as requireFrom } from "node:module";\nconst require = requireFrom(import.meta.url);',
    },
    plugins: [ownEntries],
    metafile: true,
  });
  metadataOf(name, metafile);
}

await Promise.all([
  program("main", "cli"),
  program("learning", "cli_learning"),
  program("tokenizer", "cli_tokenizer"),
]);
