// Why this exists: docs/size.md says how many bytes a program gains by using the package, and this makes it: the sizes of
// programs, the rivals' beside them where bench/rivals is installed, and the hashes of the .wasm files.
// Usage: npm run build && node scripts/measure_sizes.mjs   writes docs/size.md; with --print it only prints the table
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));

const PROGRAMS = [
  ["make an engine", "createEngine", "recurra"],
  ["score a safetensors model", "createEngine, loadLanguageModel", "recurra"],
  ["tag with a safetensors model", "createEngine, loadTagger", "recurra"],
  ["score a safetensors model, and no more", "loadScorer", "recurra/forward", "createEngine"],
  ["score a described model, and no more", "createScorer", "recurra/forward", "createEngine"],
  ["run a recurrent layer forward", "createRecurrent", "recurra/forward", "createEngine"],
  [
    "run any recurrent layer forward",
    "createRecurrent, float32, generalCells, generalCellsFloat32",
    "recurra/forward",
    "createEngine",
  ],
  ["run and train a recurrent layer", "createEngine, createRecurrent", "recurra"],
  ["the exercise's LSTM, forward", "createEngine, lstmForward", "recurra"],
  ["the exercise's RNN, forward", "createEngine, rnnForward", "recurra"],
  ["generate texts", "generate", "recurra/generate", "createEngine, loadLanguageModel"],
  ["look into a model", "trace, attribute", "recurra/inspect", "createEngine, loadLanguageModel"],
  ["train a network", "createTrainable, createTrainer", "recurra/train"],
  ["everything in `recurra`", "*", "recurra"],
  ["score, the kernels apart", "createEngine, loadLanguageModel", "recurra/slim"],
  ["a page's part of a pool", "createPool", "recurra/pool"],
  ["read safetensors", "readSafetensors", "recurra/safetensors"],
  ["describe an ONNX model", "describeOnnx", "recurra/onnx"],
  ["run a whole ONNX graph", "openGraph", "recurra/onnx"],
  ["describe a Keras model", "describeKeras", "recurra/keras"],
  ["describe a TensorFlow.js model", "describeTensorflowJs", "recurra/tensorflowjs"],
  ["functions of plain arrays", "*", "recurra/arrays"],
];

/** The first chunk of a bundle that exports the names, without what is loaded on demand. */
async function bundle(contents, folder = root, options = {}) {
  const { outputFiles, metafile } = await build({
    ...options,
    stdin: { contents, resolveDir: folder, sourcefile: "program.js" },
    absWorkingDir: folder,
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

const gzipped = (bytes) => gzipSync(bytes, { level: 9 }).length;
const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
const exported = (names, entry) =>
  `export ${names === "*" ? "*" : `{ ${names} }`} from "${entry}";`;
const quoted = (names) => (names === "*" ? "everything" : names.replace(/\w+/g, "`$&`"));

async function sizesTable() {
  const rows = [];
  for (const [what, names, entry, more] of PROGRAMS) {
    const besides = more === undefined ? "" : exported(more, "recurra");
    const code = Buffer.from(await bundle(exported(names, entry) + besides));
    const imports = `${quoted(names)} from \`${entry}\`${more === undefined ? "" : `, ${quoted(more)}`}`;
    rows.push(`| ${what} | ${imports} | ${kilobytes(code.length)} | ${kilobytes(gzipped(code))} |`);
  }
  const head = ["| a program that can | imports | minified | and gzipped |", "|---|---|---:|---:|"];
  return [...head, ...rows].join("\n");
}

/** What a page loads of another package, in the smallest form that runs a recurrent model. */
const RIVALS = [
  {
    name: "onnxruntime-web",
    what: "`onnxruntime-web/wasm` and its `.wasm` file, which has to be served",
    program: 'export * from "onnxruntime-web/wasm"',
    file: "onnxruntime-web/dist/ort-wasm-simd-threaded.wasm",
  },
  {
    name: "@tensorflow/tfjs",
    what: "layers and models: `sequential`, `layers`, `loadLayersModel`, `tensor`",
    program: 'export { sequential, layers, loadLayersModel, tensor } from "@tensorflow/tfjs"',
  },
  {
    name: "brain.js",
    what: "`recurrent`, without gpu.js",
    program: 'export { recurrent } from "brain.js"',
  },
];
/** Parts of Node that rivals name in code that a page never runs, and an optional package. */
const ABSENT = ["fs", "util", "crypto", "os", "path", "stream", "module", "node:*", "gpu.js"];

async function rivalsTable() {
  const folder = `${root}bench/rivals`;
  const rows = [];
  for (const { name, what, program, file } of RIVALS) {
    const { version } = JSON.parse(
      readFileSync(`${folder}/node_modules/${name}/package.json`, "utf8"),
    );
    const code = await bundle(program, folder, { external: ABSENT, platform: "browser" });
    const apart = file === undefined ? 0 : gzipped(readFileSync(`${folder}/node_modules/${file}`));
    rows.push(`| ${name} ${version} | ${what} | ${kilobytes(gzipped(code) + apart)} |`);
  }
  return ["| package | what is loaded | minified and gzipped |", "|---|---|---:|", ...rows].join(
    "\n",
  );
}

function filesTable() {
  const names = ["kernels", "kernels.relaxed", "arrays"];
  const rows = names.map((name) => {
    const bytes = readFileSync(`${root}/dist/${name}.wasm`);
    const hash = createHash("sha256").update(bytes).digest("hex");
    const sizes = `${bytes.length.toLocaleString("en")} | ${gzipped(bytes).toLocaleString("en")}`;
    return `| \`recurra/${name}.wasm\` | ${sizes} | \`${hash}\` |`;
  });
  return ["| file | bytes | gzipped | SHA-256 |", "|---|---:|---:|---|", ...rows].join("\n");
}

/** The page with another table between the marks of a name. */
function withTable(text, name, table) {
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  return `${text.slice(0, text.indexOf(begin) + begin.length)}\n\n${table}\n\n${text.slice(text.indexOf(end))}`;
}

const sizes = await sizesTable();
console.log(sizes);
if (!process.argv.includes("--print")) {
  const page = `${root}/docs/size.md`;
  let text = withTable(readFileSync(page, "utf8"), "sizes", sizes);
  text = withTable(text, "files", filesTable());
  if (existsSync(`${root}bench/rivals/node_modules`)) {
    text = withTable(text, "rivals", await rivalsTable());
  } else console.error("bench/rivals is not installed: their sizes stay as they are");
  writeFileSync(page, text);
}
