// Why this exists: random RNN, GRU and LSTM nodes over all attributes that onnxruntime has, with what it computes in
// float32, are the test that our reading of ONNX is everybody's. Writes test/fixtures/onnx/nodes.json; needs
// `npm ci --prefix bench/rivals --ignore-scripts`. Seeded: the same nodes each time.
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const { InferenceSession, Tensor } = createRequire(`${root}/bench/rivals/`)("onnxruntime-node");
const entryPoints = [`${root}/test/formats/onnx/draw.ts`];
const [{ text }] = (await build({ entryPoints, bundle: true, write: false, format: "esm" }))
  .outputFiles;
const { drawNode } = await import(`data:text/javascript,${encodeURIComponent(text)}`);

const base64 = (data) =>
  Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64");
const kinds = { float32: Float32Array, int32: Int32Array };
const cases = [];
for (let seed = 1; seed <= 66; seed++) {
  const { name, model, inputs } = drawNode(seed);
  const feeds = {};
  for (const [key, { shape, data }] of Object.entries(inputs)) {
    const type = Object.keys(kinds).find((kind) => data instanceof kinds[kind]);
    feeds[key] = new Tensor(type, data, shape);
  }
  const session = await InferenceSession.create(model, { logSeverityLevel: 3 });
  const outputs = await session.run(feeds);
  const stored = (tensors) =>
    Object.fromEntries(
      Object.entries(tensors).map(([key, { type, dims, data }]) => [
        key,
        { type, shape: [...dims], data: base64(data) },
      ]),
    );
  cases.push({ name, model: base64(model), inputs: stored(feeds), outputs: stored(outputs) });
}
const lines = cases.map((each) => JSON.stringify(each)).join(",\n");
writeFileSync(`${root}/test/fixtures/onnx/nodes.json`, `[\n${lines}\n]\n`);
