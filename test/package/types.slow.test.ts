import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { consumer, pack, root, type Tarball, writeFiles } from "../support/project.js";

let tarball: Tarball;
let folder: string;

const PROGRAM = `
async function hidden(wasm: WasmSource, x: Tensor): Promise<Float64Array> {
  using engine: Engine = await createEngine({ wasm });
  const one = tensor([1, 1]);
  const parameters: RnnParameters = { Wax: one, Waa: one, Wya: one, ba: one, by: one };
  const { a, caches } = rnnForward(engine, x, one, parameters);
  using kept = caches;
  const { loss, dWya } = softmaxCrossEntropy(engine, caches, [[0]]);
  const { dWax } = rnnBackward(engine, a, kept);
  try {
    return (await createArrays()).sigmoid(dWax.data.map((value) => value * loss + (dWya.data[0] ?? 0)));
  } catch (error) {
    if (error instanceof EngineMemoryError) console.log(error.needed > error.limit);
    throw error;
  }
}
`;
const VALUES =
  "createEngine, EngineMemoryError, rnnBackward, rnnForward, softmaxCrossEntropy, tensor";
const NAMES = `{ ${VALUES}, type Engine, type RnnParameters, type Tensor, type WasmSource }`;
const ESM = `import ${NAMES} from "recurra";
import { createArrays } from "recurra/arrays";
import { readSafetensors, type StoredTensor } from "recurra/safetensors";
import { describeKeras, type ModelDescription } from "recurra/keras";
import { describeTensorflowJs } from "recurra/tensorflowjs";
export const described: ModelDescription[] = [
  describeKeras(new Uint8Array(8), { masking: "ragged" }),
  describeTensorflowJs("{}", [new Uint8Array(8)]),
];
export { hidden };
export const stored: StoredTensor | undefined = readSafetensors(new Uint8Array(8)).tensors.get("x");
${PROGRAM}`;
const COMMONJS = `import recurra = require("recurra");
import arrays = require("recurra/arrays");
const { ${VALUES} } = recurra;
const { createArrays } = arrays;
import safetensors = require("recurra/safetensors");
const stored: safetensors.StoredTensor | undefined = safetensors.readSafetensors(
  new Uint8Array(8),
).tensors.get("x");
console.log(stored?.dtype);
type Engine = recurra.Engine;
type RnnParameters = recurra.RnnParameters;
type Tensor = recurra.Tensor;
type WasmSource = recurra.WasmSource;
export = hidden;
${PROGRAM}`;
// A mistake for each way in: proof that the types are found at all.
const WRONG = `import { createEngine } from "recurra";
import { createArrays } from "recurra/arrays";
createEngine({ maximumBytes: "1" });
createArrays().then(({ sigmoid }) => sigmoid([0]));
`;

// What a host gives fits the package's own declarations.
const HOST = `import { type Bytes, createEngine, loadLanguageModel } from "recurra";
import { createPool, type PoolStats, type PoolStream, WorkerLostError } from "recurra/pool";
export async function scores(bytes: Uint8Array<ArrayBuffer>): Promise<number> {
  const { signal } = new AbortController();
  await createEngine({ wasm: new WebAssembly.Module(bytes) });
  await createEngine({ wasm: bytes.buffer });
  await createEngine({ wasm: new Response(bytes) });
  const engine = await createEngine({ wasm: fetch("kernels.wasm") });
  const model = await loadLanguageModel(engine, new Blob([bytes]));
  await loadLanguageModel(engine, await fetch("model.safetensors"));
  const stored: Uint8Array<ArrayBuffer> = model.stream().state.toBytes();
  const [score] = await model.score(["a"], { signal });
  return (score?.logProb ?? 0) + stored.length;
}
export const bytes: Bytes[] = [];
export async function pooled(model: URL): Promise<PoolStats> {
  const worker = () => new Worker("w.js");
  await using pool = await createPool(model, { size: 2, worker });
  using stream: PoolStream = pool.stream({ checkpointEvery: 5 });
  const { signal } = new AbortController();
  const [score] = await pool.score(["a"], { from: stream, signal });
  for await (const each of pool.scoreMany(["a"], { onError: "return" })) {
    if (each instanceof WorkerLostError) return { ...pool.stats(), calls: score?.tokens ?? 0 };
  }
  return pool.stats();
}
`;
// A program without the dom library: no console, no fetch.
const PLAIN = readFileSync(`${root}test/hosts/programs/types.mts`, "utf8");

const nodenext = { module: "nodenext" };
const bundler = { module: "esnext", moduleResolution: "bundler" };
const strictest = {
  exactOptionalPropertyTypes: true,
  isolatedModules: true,
  noUncheckedIndexedAccess: true,
  verbatimModuleSyntax: true,
};

beforeAll(() => {
  tarball = pack();
  folder = consumer(tarball, {
    "esm.mts": ESM,
    "commonjs.cts": COMMONJS,
    "plain.ts": ESM,
    "wrong.mts": WRONG,
    "host.mts": HOST,
    "host_types.mts": PLAIN,
  });
});

/** What tsc says. */
function compile(file: string, options: object): string {
  const compilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: false,
    target: "es2022",
    types: [],
    ...options,
  };
  writeFiles(folder, { "tsconfig.json": JSON.stringify({ compilerOptions, files: [file] }) });
  const tsc = `${root}node_modules/typescript/bin/tsc`;
  return spawnSync(process.execPath, [tsc, "-p", "."], { cwd: folder, encoding: "utf8" }).stdout;
}

describe("a TypeScript consumer with skipLibCheck false, 0 errors", () => {
  it.each([
    // The default library of the target: it has no Symbol.dispose.
    ["NodeNext, ES module", "esm.mts", nodenext],
    ["NodeNext, CommonJS", "commonjs.cts", nodenext],
    ["bundler, the strictest options", "plain.ts", { ...bundler, ...strictest }],
    ["with Node's types", "esm.mts", { ...nodenext, types: ["node"] }],
    ["the ES2022 library alone", "host_types.mts", { ...nodenext, lib: ["es2022"] }],
    ["what a page gives", "host.mts", { ...nodenext, lib: ["es2022", "dom"] }],
  ])("%s", (_, file, options) => {
    expect(compile(file, { ...options, typeRoots: [`${root}node_modules/@types`] })).toBe("");
  });

  it("a mistake is found, 2 errors of 2", () => {
    const found = compile("wrong.mts", { ...nodenext, skipLibCheck: true }).match(
      /wrong\.mts\(\d+,\d+\): error TS2\d+/g,
    );
    expect(found).toHaveLength(2);
  });
});

// The old node10 resolution is left out: it does not know `exports`, and Node ≥ 20 does. The wasm files and the model have no types.
it("are the types wrong? says 0 remarks", () => {
  const bin = `${root}node_modules/@arethetypeswrong/cli/dist/index.js`;
  const untyped = [
    "--exclude-entrypoints",
    "kernels.wasm",
    "kernels.relaxed.wasm",
    "arrays.wasm",
    "models/english-characters.safetensors",
  ];
  const words = [bin, tarball.path, "--profile", "node16", ...untyped];
  const { status, stdout } = spawnSync(process.execPath, words, { encoding: "utf8" });
  expect(status, stdout).toBe(0);
});
