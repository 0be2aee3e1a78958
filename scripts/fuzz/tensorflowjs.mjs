import { readdirSync, readFileSync } from "node:fs";
import { describeTensorflowJs } from "recurra/tensorflowjs";
import { mutateJson, mutateText } from "./json.mjs";
import { flipBytes, resize } from "./random.mjs";

export const name = "tensorflowjs";

export function corpus(fixtures) {
  const folder = `${fixtures}/tensorflowjs`;
  return readdirSync(folder).map((each) => ({
    model: JSON.parse(readFileSync(`${folder}/${each}/model.json`, "utf8")),
    shards: [Uint8Array.from(readFileSync(`${folder}/${each}/weights.bin`))],
  }));
}

/** The same model with its weights in several shards, or in groups of their own. */
function resharded(random, { model, shards: [whole] }) {
  const copy = structuredClone(model);
  const cuts = Array.from({ length: random.below(4) }, () => random.below(whole.length));
  const ends = [...cuts.sort((a, b) => a - b), whole.length];
  const shards = ends.map((end, i) => whole.subarray(ends[i - 1] ?? 0, end));
  const [group] = copy.weightsManifest;
  group.paths = shards.map((_, i) => (random.chance(0.1) ? "shard" : `shard${i}`));
  if (random.chance(0.3)) copy.weightsManifest.push({ paths: [], weights: [group.weights.pop()] });
  return { model: copy, shards };
}

/** The files of an unchanged sample. */
export const pack = (sample) => sample;

export function mutate(random, sound) {
  const { model, shards } = random.chance(0.3) ? resharded(random, sound) : sound;
  return random.pick([
    () => ({ model: mutateJson(random, model), shards }),
    () => ({
      model: { ...model, weightsManifest: mutateJson(random, model.weightsManifest) },
      shards,
    }),
    () => ({ model: { ...model, modelTopology: mutateJson(random, model.modelTopology) }, shards }),
    () => ({ model: mutateText(random, JSON.stringify(model)), shards }),
    () => ({ model, shards: shards.map((shard) => flipBytes(random, shard)) }),
    () => ({
      model,
      shards: shards.map((shard) => (random.chance(0.5) ? resize(random, shard) : shard)),
    }),
    () => ({ model, shards: Array(random.pick([0, 2, 300])).fill(shards[0]) }),
  ])();
}

export const read = ({ model, shards }, options) =>
  describeTensorflowJs(model, shards, { ...options, masking: "ragged" });
