// Why this exists: the models that TensorFlow.js itself writes, and what it computes with them, are what its reader is held
// against (test/fixtures/tensorflowjs). Run again only to add a kind:
//   npm ci --prefix bench/rivals --ignore-scripts && node scripts/make_tensorflowjs_models.mjs
import { mkdirSync, writeFileSync } from "node:fs";
import { layerOf, MODELS, nx, tf, V } from "./tensorflowjs_models.mjs";
import { quantized } from "./tensorflowjs_quantized.mjs";

const root = new URL("../test/fixtures/tensorflowjs/", import.meta.url);
const T = 7;
let seed = 1;
function random() {
  seed = (seed * 48271) % 2147483647;
  return seed / 2147483647;
}
for (const [name, text] of Object.entries(MODELS)) {
  const layers = text
    .split(", ")
    .filter((words) => words !== "features")
    .map(layerOf);
  const shape = text.startsWith("tokens") ? [null] : [null, nx];
  const inputs = tf.input({ shape });
  const outputs = layers.reduce((x, layer) => layer.apply(x), inputs);
  const first = tf.layers.inputLayer({ inputShape: shape });
  const model =
    name === "functional"
      ? tf.model({ inputs, outputs })
      : tf.sequential({ layers: [first, ...layers] });
  const numbers = (n) => Float32Array.from({ length: n }, () => random() * 2 - 1);
  model.setWeights(model.getWeights().map(({ size, shape }) => tf.tensor(numbers(size), shape)));
  const one = () =>
    shape.length === 1
      ? Math.floor(random() * V)
      : Array.from({ length: nx }, () => random() * 4 - 2);
  const x = Array.from({ length: 2 }, () => Array.from({ length: T }, one));
  let saved;
  const handler = async (artifacts) => {
    saved = artifacts;
    return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" } };
  };
  await model.save(tf.io.withSaveHandler(handler));
  await write(name, model, x, saved);
  if (name !== "lstm") continue;
  const fewer = { ...saved, ...quantized(saved) };
  await write(`${name}-quantized`, await tf.loadLayersModel(tf.io.fromMemory(fewer)), x, fewer);
}

async function write(name, model, x, { generatedBy, modelTopology, weightSpecs, weightData }) {
  const weightsManifest = [{ paths: ["weights.bin"], weights: weightSpecs }];
  const json = { format: "layers-model", generatedBy, modelTopology, weightsManifest };
  const folder = new URL(`${name}/`, root);
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL("model.json", folder), JSON.stringify(json));
  writeFileSync(new URL("weights.bin", folder), Buffer.from(weightData));
  const y = model.predict(tf.tensor(x)).arraySync();
  writeFileSync(new URL("run.json", folder), JSON.stringify({ x, y }));
}
