// Why this exists: docs/size.md says how many bytes a program gains by using the package, and this makes it.
// Usage: npm run build && node scripts/measure_sizes.mjs   writes docs/size.md; with --print it only prints the table
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));

const PROGRAMS = [
  ["score a safetensors model", "createEngine, loadLanguageModel", "recurra"],
  ["tag with a safetensors model", "createEngine, loadTagger", "recurra"],
  ["run and train a recurrent layer", "createEngine, createRecurrent", "recurra"],
  ["the exercise's LSTM, forward", "createEngine, lstmForward", "recurra"],
  ["the exercise's RNN, forward", "createEngine, rnnForward", "recurra"],
  ["train a network", "createTrainable, createTrainer", "recurra/train"],
  ["everything in `recurra`", "*", "recurra"],
  ["read safetensors", "readSafetensors", "recurra/safetensors"],
  ["describe an ONNX model", "describeOnnx", "recurra/onnx"],
  ["run a whole ONNX graph", "openGraph", "recurra/onnx"],
  ["describe a Keras model", "describeKeras", "recurra/keras"],
  ["describe a TensorFlow.js model", "describeTensorflowJs", "recurra/tensorflowjs"],
  ["functions of plain arrays", "*", "recurra/arrays"],
];

/** The first chunk of a bundle that exports the names, without what is loaded on demand. */
async function bundle(names, entry) {
  const { outputFiles, metafile } = await build({
    stdin: {
      contents: `export ${names === "*" ? "*" : `{ ${names} }`} from "${entry}"`,
      resolveDir: root,
      sourcefile: "program.js",
    },
    absWorkingDir: root,
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    target: "es2022",
    metafile: true,
    write: false,
    outdir: "out",
    logLevel: "error",
  });
  const texts = new Map(
    outputFiles.map(({ path, text }) => [path.slice(path.indexOf("/out/") + 1), text]),
  );
  const loaded = new Set(["out/stdin.js"]);
  for (const path of loaded) {
    for (const { kind, path: to } of metafile.outputs[path].imports) {
      if (kind === "import-statement") loaded.add(to);
    }
  }
  return [...loaded].map((path) => texts.get(path)).join("");
}

const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;

const rows = [];
for (const [what, names, entry] of PROGRAMS) {
  const code = Buffer.from(await bundle(names, entry));
  const sizes = [code.length, gzipSync(code, { level: 9 }).length].map(kilobytes);
  const imports = names === "*" ? "everything" : names.replace(/\w+/g, "`$&`");
  rows.push(`| ${what} | ${imports} from \`${entry}\` | ${sizes[0]} | ${sizes[1]} |`);
}
const table = [
  "| a program that can | imports | minified | and gzipped |",
  "|---|---|---:|---:|",
  ...rows,
].join("\n");
if (!process.argv.includes("--print")) {
  const page = `${root}/docs/size.md`;
  const text = readFileSync(page, "utf8");
  const [begin, end] = ["<!-- sizes: begin -->", "<!-- sizes: end -->"];
  writeFileSync(
    page,
    `${text.slice(0, text.indexOf(begin) + begin.length)}\n\n${table}\n\n${text.slice(text.indexOf(end))}`,
  );
}
console.log(table);
