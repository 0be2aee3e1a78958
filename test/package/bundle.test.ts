import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { beforeAll, describe, expect, it } from "vitest";
import { consumer, pack } from "../support/consumer.js";

let folder: string;

beforeAll(() => {
  folder = consumer(pack(), {});
});

/** The minified bundle of a program that uses the package. */
async function bundle(contents: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: folder },
    bundle: true,
    format: "esm",
    minify: true,
    logLevel: "error",
    write: false,
  });
  return outputFiles.map(({ text }) => text).join("");
}

describe("a bundle holds what is used", () => {
  it("of createEngine and rnnForward: no LSTM, no backward pass, no loss", async () => {
    const code = await bundle('export { createEngine, rnnForward } from "recurra"');
    expect(code).toContain('"rnnForward"');
    // Names that stand in error messages and descriptors, which no minifier touches.
    for (const name of ["lstmForward", '"lstm"', '"Wf"', "rnnBackward", "softmaxCrossEntropy"]) {
      expect(code).not.toContain(name);
    }
    for (const kernel of ["lstm_gates_forward(", "rnn_gates_forward("]) {
      expect(code.includes(`.${kernel}`), kernel).toBe(kernel.startsWith("rnn"));
    }
  });

  it("of everything: the same names are there", async () => {
    const code = await bundle('export * from "recurra"');
    for (const name of ["lstmForward", '"lstm"', '"Wf"', "rnnBackward", "softmaxCrossEntropy"]) {
      expect(code).toContain(name);
    }
    expect(code).toContain(".lstm_gates_forward(");
  });

  it("of an import for nothing: nothing", async () => {
    expect(await bundle('import "recurra"; import { tensor } from "recurra";')).toBe("");
  });
});

// Rounded up from what was measured (November 2026): 17.9 kB, 14.8 kB, 12.1 kB.
describe("size, minified and gzipped", () => {
  it.each([
    ["recurra", 'export * from "recurra"', 20_000],
    ["createEngine and rnnForward", 'export { createEngine, rnnForward } from "recurra"', 16_500],
    ["recurra/arrays", 'export * from "recurra/arrays"', 13_500],
  ])("%s", async (name, contents, limit) => {
    const bytes = gzipSync(await bundle(contents), { level: 9 }).length;
    expect(bytes, `${name}: ${bytes} bytes`).toBeLessThan(limit);
  });
});
