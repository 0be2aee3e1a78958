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

// Measured (November 2026): 60.0, 29.0, 36.7, 12.7, 11.1, 5.0, 7.6 and 38 kB; a sixth on top, for what is to come.
describe("size, minified and gzipped", () => {
  it.each([
    ["recurra", 'export * from "recurra"', 70_000],
    ["createEngine and rnnForward", 'export { createEngine, rnnForward } from "recurra"', 34_000],
    [
      "createEngine and createRecurrent",
      'export { createEngine, createRecurrent } from "recurra"',
      43_000,
    ],
    ["recurra/arrays", 'export * from "recurra/arrays"', 16_000],
    // 11.1 kB before files were recognised by content and misspelt options named: 13.1 kB since (28 November 2026).
    ["recurra/safetensors", 'export * from "recurra/safetensors"', 13_200],
    ["readSafetensors", 'export { readSafetensors } from "recurra/safetensors"', 5_800],
    ["recurra/tensorflowjs", 'export * from "recurra/tensorflowjs"', 8_800],
    ["recurra/keras", 'export * from "recurra/keras"', 44_000],
  ])("%s", async (name, contents, limit) => {
    const bytes = gzipSync(await bundle(contents), { level: 9 }).length;
    expect(bytes, `${name}: ${bytes} bytes`).toBeLessThan(limit);
  });
});
