import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, it } from "vitest";
import { root } from "../support/project.js";

/** A program's bundle, minified, without what it would load on demand only. */
async function bundle(contents: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: root, sourcefile: "program.js" },
    bundle: true,
    format: "esm",
    minify: true,
    splitting: true,
    target: "es2022",
    outdir: "out",
    write: false,
  });
  return outputFiles.find(({ path }) => path.endsWith("stdin.js"))?.text ?? "";
}

// Measured (November 2026): 11.4 kB before pushes of many streams, their queue and its numbers, 14.2 kB since.
it("the page's part of a pool holds no kernel and no reader of files, and is below 14.6 kB gzipped", async () => {
  const page = await bundle('export { createPool } from "recurra/pool"');
  for (const name of ["lstm_gates_forward", "weight_hh", "safetensors file", "WebAssembly"]) {
    expect(page, name).not.toContain(name);
  }
  expect(gzipSync(page, { level: 9 }).length).toBeLessThan(14_600);
});

// Measured (November 2026): 56.1 and 80.1 kB; one script for both would have 113.2 kB.
it("a worker of texts carries no compiler of graphs, a worker of graphs no scores: below 58 and 82 kB gzipped", async () => {
  const texts = await bundle('import "recurra/pool/worker"');
  const graphs = await bundle(
    'import { openGraph } from "recurra/onnx"; import { serveGraphs } from "recurra/pool"; serveGraphs(openGraph);',
  );
  for (const name of ["ConvTranspose", "depthwise_rows"]) {
    expect([graphs.includes(name), texts.includes(name)], name).toEqual([true, false]);
  }
  expect(graphs.includes("tokenLogProbs")).toBe(false);
  expect(texts.includes("tokenLogProbs")).toBe(true);
  const both = await bundle(
    'import "recurra/pool/worker"; export { openGraph } from "recurra/onnx";',
  );
  const [t = 0, g = 0, b = 0] = [texts, graphs, both].map(
    (each) => gzipSync(each, { level: 9 }).length,
  );
  expect([t < 58_000, g < 82_000, b > 110_000], `${t}, ${g}, ${b}`).toEqual([true, true, true]);
});

it("the worker's script is kept whole, though nothing is imported from it", async () => {
  const worker = await bundle('import "recurra/pool/worker"');
  expect(worker).toContain("weight_hh");
});
