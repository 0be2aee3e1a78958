// Why this exists: docs/decisions/sizes.md says what the bytes of a program that scores are spent on. A part's price is what
// the gzipped program loses without it; the parts add up to less than the whole, because gzip finds one part in another.
// It bundles src/ as it is, so the whole is 2 to 3 kB more than that of dist/, which measure_sizes.mjs measures.
// Usage: npm run build && node scripts/measure_parts.mjs
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, transform } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));

const PROGRAMS = {
  loadLanguageModel: 'export { createEngine, loadLanguageModel } from "./src/index.ts"',
  loadScorer:
    'export { createEngine } from "./src/index.ts"; export { loadScorer } from "./src/forward.ts"',
  "createRecurrent, forward":
    'export { createEngine } from "./src/index.ts"; export { createRecurrent } from "./src/forward.ts"',
  describeKeras: 'export { describeKeras } from "./src/formats/keras.ts"',
};

/** The parts of the programs, by the paths of modules. */
const PARTS = {
  "kernels: standard cells, f64": /sets\/forward_f64/,
  "kernels: standard cells, f32": /sets\/forward_f32/,
  "kernels: general cells, f64 and f32": /sets\/general_f/,
  "kernels: scores and softmax": /sets\/output/,
  "kernels: LayerNorm": /sets\/norm/,
  "all kernels": /embedded\/sets/,
  "`@assemblyscript/loader`": /@assemblyscript/,
  "engine and memory": /src\/wasm\//,
  "cells and the time loop": /src\/(cells|sequence)\//,
  "options and weights of layers": /src\/layers\/(options|weights|shape)/,
  "layers, all": /src\/layers\//,
  "safetensors: header and numbers": /formats\/safetensors\/|formats\/(halves|finite|bytes)/,
  "what other files are, for errors": /file_kinds/,
  "networks in PyTorch's names": /formats\/pytorch\//,
  "of them, `recurra.network`": /architecture_metadata/,
  "of them, questions and assumptions": /open_questions|assumptions/,
  "checks of a description": /description\/validate/,
  vocabulary: /model\/vocabulary/,
  "networks, passes, batches":
    /model\/(network|network_pass|batching|batch_order|pooling|score_work)\.ts/,
  "time slices": /model\/(scheduler|give_way|time_slices|queue)/,
  "streams and their states":
    /model\/(stream|stream_state|live_step|hash|score_start)\.ts|sequence\/step/,
  "`scoreMany`": /model\/score_stream/,
  "error classes, misspelt options, UTF-8": /src\/(errors|options|tensor|utf8)\.ts/,
  HDF5: /formats\/hdf5\//,
  "fflate's `inflateSync`": /fflate/,
  "zip archives": /keras\/zip/,
  "Keras' layers":
    /formats\/keras\/(model|recurrent|topology|config|weights|activations|reader|options)/,
};

const gzipped = (texts) => gzipSync(texts.join(""), { level: 9 }).length;
const kilobytes = (bytes) => (bytes / 1000).toFixed(1);

/** The minified modules of a bundle: esbuild names each before its code, if white space stays. */
async function modulesOf(contents) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: root, sourcefile: "program.ts", loader: "ts" },
    absWorkingDir: root,
    bundle: true,
    format: "esm",
    target: "es2022",
    minifyIdentifiers: true,
    minifySyntax: true,
    write: false,
    logLevel: "error",
  });
  // Behind the last module stand the exports.
  const bundle = outputFiles[0].text.replace(/^export \{[^}]*\};\s*$/m, "");
  const parts = bundle.split(/^\/\/ ((?:src|build|node_modules|program)\S*)$/m).slice(1);
  const modules = [];
  for (let i = 0; i < parts.length; i += 2) {
    const { code } = await transform(parts[i + 1], { minifyWhitespace: true, target: "es2022" });
    modules.push({ path: parts[i], code: code.trim() });
  }
  // As in dist/: kernels first.
  return modules.sort((a, b) => b.path.includes("/sets/") - a.path.includes("/sets/"));
}

/** Code without the texts of its errors: literals of words. */
const withoutTexts = ({ path, code }) =>
  path.includes("embedded/")
    ? code
    : code.replace(/`(?:[^`\\]|\\.)*`|"(?:[^"\\]|\\.)*"/g, (text) =>
        text.length > 22 && text.includes(" ") ? "``" : text,
      );

const columns = [];
for (const contents of Object.values(PROGRAMS)) {
  const modules = await modulesOf(contents);
  const whole = gzipped(modules.map(({ code }) => code));
  const price = (part) => {
    const left = modules.filter(({ path }) => !part.test(path));
    return left.length === modules.length
      ? ""
      : kilobytes(whole - gzipped(left.map(({ code }) => code)));
  };
  const texts = kilobytes(whole - gzipped(modules.map(withoutTexts)));
  columns.push([kilobytes(whole), ...Object.values(PARTS).map(price), texts]);
}
const names = ["**the whole**", ...Object.keys(PARTS), "texts of errors, wherever they are"];
console.log(`| kB, gzipped | ${Object.keys(PROGRAMS).join(" | ")} |`);
console.log(`|---|${"---:|".repeat(columns.length)}`);
names.forEach((name, i) => {
  console.log(`| ${name} | ${columns.map((column) => column[i]).join(" | ")} |`);
});
