import { relative } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { beforeAll, describe, expect, it } from "vitest";
import { consumer, pack } from "../support/project.js";

let folder: string;

beforeAll(() => {
  folder = consumer(pack(), {});
});

/** The minified bundle of a program that uses the package, without what it would load on demand only. */
async function bundle(contents: string): Promise<string> {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: folder, sourcefile: "program.js" },
    absWorkingDir: folder,
    bundle: true,
    format: "esm",
    logLevel: "error",
    metafile: true,
    minify: true,
    outdir: "out",
    splitting: true,
    write: false,
  });
  const texts = new Map(outputFiles.map(({ path, text }) => [relative(folder, path), text]));
  const loaded = new Set(["out/stdin.js"]);
  for (const path of loaded) {
    const imports = metafile.outputs[path]?.imports ?? [];
    for (const each of imports) if (each.kind === "import-statement") loaded.add(each.path);
  }
  return [...loaded].map((path) => texts.get(path) ?? "").join("");
}

/** The same as one script. */
async function iife(contents: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: folder, sourcefile: "program.js" },
    absWorkingDir: folder,
    bundle: true,
    format: "iife",
    globalName: "program",
    logLevel: "error",
    minify: true,
    write: false,
  });
  return outputFiles[0]?.text ?? "";
}

// Names in error messages and tables, which no minifier touches.
const OTHERS = [
  "lstmForward",
  '"lstm"',
  "Wf:",
  "createRecurrent",
  "rnnBackward",
  "softmaxCrossEntropy",
];

describe("a bundle holds what is used", () => {
  it("of createEngine and rnnForward: no LSTM, no layer, no backward pass, no loss", async () => {
    const code = await bundle('export { createEngine, rnnForward } from "recurra"');
    expect(code).toContain("Waa:");
    expect(code).not.toContain("ModelFormatError");
    for (const name of OTHERS) {
      expect(code).not.toContain(name);
    }
    for (const kernel of ["lstm_gates_forward(", "rnn_gates_forward("]) {
      expect(code.includes(`.${kernel}`), kernel).toBe(kernel.startsWith("rnn"));
    }
  });

  it("of everything: the same names are there", async () => {
    const code = await bundle('export * from "recurra"');
    for (const name of OTHERS) {
      expect(code).toContain(name);
    }
    expect(code).toContain(".lstm_gates_forward(");
  });

  it("of an import for nothing: nothing", async () => {
    expect(await bundle('import "recurra"; import { tensor } from "recurra";')).toBe("");
  });
});

/** Words of code that a program without it must not ship: names of kernels, properties and functions, which no minifier touches. */
const WORDS = {
  training: [
    "_gates_backward",
    "cross_entropy_rows",
    "add_product_rows",
    "dGates",
    "dState",
    "keepTape",
    "createTrainer",
  ],
  generation: ["sample_rows", "repetitionPenalty", "lengthPenalty", "gradientTimesInput"],
  onnx: ["initial_h", "depthwise_rows", "ConvTranspose"],
  keras: ["inbound_nodes", "return_sequences", "reset_after"],
};

const PROGRAMS = {
  "createEngine and loadLanguageModel": 'export { createEngine, loadLanguageModel } from "recurra"',
  "createEngine and loadTagger": 'export { createEngine, loadTagger } from "recurra"',
  "createEngine and lstmForward": 'export { createEngine, lstmForward } from "recurra"',
  "createRecurrent of recurra/forward":
    'export { createEngine } from "recurra"; export { createRecurrent } from "recurra/forward"',
  "loadScorer of recurra/forward":
    'export { createEngine } from "recurra"; export { loadScorer } from "recurra/forward"',
};

/** The sets of kernels in each of them. */
const SETS = [6, 6, 2, 1, 3];

describe("a bundle that runs forward", () => {
  let whole: string;
  const present = (words: readonly string[]) => words.filter((word) => whole.includes(word));

  beforeAll(async () => {
    const entries = [
      ...["recurra", "recurra/train", "recurra/generate", "recurra/inspect"],
      ...["recurra/onnx", "recurra/keras"],
    ];
    whole = await bundle(
      entries.map((entry, i) => `export * as e${i} from "${entry}";`).join("\n"),
    );
  });

  it.each(Object.entries(PROGRAMS))(
    "of %s: no name of training, generation, ONNX or Keras code, and no kernel of a set that it does not import",
    async (_, contents) => {
      const code = await bundle(contents);
      for (const words of Object.values(WORDS)) {
        expect(present(words).length, "the words are those of the whole").toBeGreaterThan(1);
        for (const word of words) expect(code.includes(word), word).toBe(false);
      }
      // "\0asm" as src/wasm/bytes.ts reads it: lstmForward takes two sets, scoring six, a layer one.
      const sets = code.split("e~p~G~Cneee").length - 1;
      expect(sets).toBe(SETS[Object.values(PROGRAMS).indexOf(contents)]);
    },
  );
});

// Measured (29 November 2026): 71.2, 16.0, 32.6, 4.5, 16.3, 19.2, 38.9, 49.5 and 11.5 kB of those with kernels; a few per cent on top.
// LayerNorm and residuals are in every model: 69.5 to 71.2 kB, and 48.0 to 49.5 kB for loadLanguageModel.
describe("size, minified and gzipped", () => {
  it("one file for a script tag (iife) is at most 1 kB more", async () => {
    for (const contents of Object.values(PROGRAMS)) {
      const [module, script] = [await bundle(contents), await iife(contents)];
      const [less, more] = [module, script].map((code) => gzipSync(code, { level: 9 }).length);
      expect((more as number) - (less as number)).toBeLessThan(1000);
    }
  });

  it.each([
    ["recurra", 'export * from "recurra"', 71_600],
    ["createEngine and rnnForward", 'export { createEngine, rnnForward } from "recurra"', 16_500],
    [
      "createEngine and createRecurrent",
      'export { createEngine, createRecurrent } from "recurra"',
      32_700,
    ],
    ["createEngine", 'export { createEngine } from "recurra"', 4_800],
    ["createEngine and lstmForward", PROGRAMS["createEngine and lstmForward"], 16_500],
    ["createRecurrent of recurra/forward", PROGRAMS["createRecurrent of recurra/forward"], 19_500],
    ["loadScorer of recurra/forward", PROGRAMS["loadScorer of recurra/forward"], 39_200],
    ["createEngine and loadLanguageModel", PROGRAMS["createEngine and loadLanguageModel"], 49_900],
    ["recurra/arrays", 'export * from "recurra/arrays"', 12_000],
    // 11.1 kB before files were recognised by content and misspelt options named, 13.1 kB before the reader listed what it assumes
    // and asked where tensors fit two networks: 15.1 kB (28 November 2026). LayerNorm and residuals: 15.5 kB.
    ["recurra/safetensors", 'export * from "recurra/safetensors"', 15_700],
    ["readSafetensors", 'export { readSafetensors } from "recurra/safetensors"', 5_800],
    // 8.4 kB for `describeTensorflowJs` before its models listed what they assume: 8.9 kB since.
    ["recurra/tensorflowjs", 'export * from "recurra/tensorflowjs"', 9_100],
    ["recurra/keras", 'export * from "recurra/keras"', 19_400],
  ])("%s", async (name, contents, limit) => {
    const bytes = gzipSync(await bundle(contents), { level: 9 }).length;
    expect(bytes, `${name}: ${bytes} bytes`).toBeLessThan(limit);
  });
});
