import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import type * as recurra from "recurra";
import { openGraph } from "recurra/onnx";
import * as slim from "recurra/slim";
import { describe, expect, it } from "vitest";
import { expectError, expectRejection } from "../support/errors.js";
import { fixtureBytes } from "../support/fixtures.js";
import { golden } from "../support/golden.js";
import { root } from "../support/project.js";

const path = join(root, "dist/kernels.wasm");
const bytes = Uint8Array.from(readFileSync(path));

describe("recurra/slim", () => {
  it("in a bundle holds no byte of wasm; the same bundle of recurra does", async () => {
    // "\0asm" as the package writes it, and as base64 would.
    const { encode } = await import(`${root}scripts/embed_encoding.mjs`);
    const magic = encode(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0));
    const bundle = async (entry: string): Promise<string> => {
      const contents = `export * from "${entry}"`;
      const { outputFiles } = await build({
        stdin: { contents, resolveDir: `${root}test/package`, sourcefile: "program.ts" },
        bundle: true,
        format: "esm",
        minify: true,
        logLevel: "error",
        write: false,
      });
      return outputFiles[0]?.text ?? "";
    };
    const [whole, without] = [await bundle("recurra"), await bundle("recurra/slim")];
    expect(whole.split(magic).length - 1).toBe(8);
    expect(without).not.toContain(magic);
    expect(without).not.toContain("AGFzbQ");
  });

  it.each([
    ["bytes", () => bytes],
    ["an ArrayBuffer", () => bytes.buffer],
    ["a module", () => new WebAssembly.Module(bytes)],
    ["a Response", () => new Response(bytes, { headers: { "Content-Type": "application/wasm" } })],
    ["a file: URL", () => pathToFileURL(path)],
    ["the text of a file: URL", () => String(pathToFileURL(path))],
    [
      "a data: URL, which is fetched",
      () => `data:application/wasm;base64,${Buffer.from(bytes).toString("base64")}`,
    ],
  ])("takes %s, and gives the golden bits", async (_, wasm) => {
    const engine = await slim.createEngine({ wasm: wasm() });
    const subject = slim as unknown as typeof recurra;
    await expect(await golden(subject, engine)).toMatchFileSnapshot("../fixtures/golden.txt");
  });

  it("says that it holds no kernels where none are given", async () => {
    const message =
      "wasm: expected a build of the kernels, which recurra/slim does not hold, got undefined";
    const none = {} as slim.SlimEngineOptions;
    await expectRejection(slim.createEngine(none), TypeError, `createEngine: ${message}`);
    expectError(
      () => slim.createEngineSync(none as slim.SlimSyncOptions),
      TypeError,
      `createEngineSync: ${message}`,
    );
  });

  it("makes engines that recurra/onnx takes", () => {
    const engine = slim.createEngineSync({ wasm: bytes });
    const model = fixtureBytes("silero-vad/silero_vad_v5.onnx");
    const inputs = { input: [1, 576], state: [2, 1, 128] };
    const graph = openGraph(engine, model, { inputs });
    expect(Object.keys(graph.outputs).length).toBe(2);
  });
});
