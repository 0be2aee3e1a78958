import { describe, expect, it } from "vitest";
import { describeKeras } from "../../src/formats/keras.js";
import { writeModel } from "../../src/formats/safetensors.js";
import { describeTensorflowJs } from "../../src/formats/tensorflowjs.js";
import {
  createEngineSync,
  loadLanguageModel,
  type ModelDescription,
  ModelFormatError,
} from "../../src/index.js";
import { describeOnnx } from "../../src/onnx.js";
import { vacancies } from "../support/engines.js";
import { describedOf, LANGUAGE, type ModelPlan } from "../support/models.js";

// What a service lives through: whatever file comes, a typed error goes, and the model that was there scores on. Each rule
// of each format, one by one: test/formats.

const engine = createEngineSync();
const bytes = writeModel(describedOf(LANGUAGE[0] as ModelPlan));
const model = await loadLanguageModel(engine, bytes);
const sequence = Array.from({ length: 40 }, (_, t) => (t * t + 1) % model.size);
const [wanted] = model.scoreSync([sequence]);

const changed = (at: number, byte: number): Uint8Array => {
  const copy = Uint8Array.from(bytes);
  copy[at] = byte;
  return copy;
};
const random = (seed: number): Uint8Array =>
  Uint8Array.from({ length: 300 }, (_, i) => Math.imul(seed + i, 2654435761) >>> 24);
/** A first bytes of each format's files, so that the reader goes further than the door. */
const ZIP = [0x50, 0x4b, 3, 4];
const PROTOBUF = [8, 8, 0x3a, 0x80, 2];

type Read = (file: Uint8Array) => ModelDescription | Uint8Array;
const layersModel: Read = (file) =>
  describeTensorflowJs('{"format":"layers-model","modelTopology":{}}', file);

const files: [string, Read, Uint8Array][] = [
  ...[0, 7, 8, 60, bytes.length - 1].map((end): [string, Read, Uint8Array] => [
    `safetensors, its first ${end} bytes`,
    (file) => file,
    bytes.slice(0, end),
  ]),
  ["safetensors, one byte too long", (file) => file, Uint8Array.of(...bytes, 0)],
  ["safetensors, a length of 2^63", (file) => file, changed(7, 0x80)],
  ["safetensors, a header that is none", (file) => file, changed(8, 0x5b)],
  ["safetensors, a dtype that is none", (file) => file, changed(bytes.indexOf(0x46), 0x58)],
  ["safetensors, a NaN", (file) => file, bytes.fill.call(Uint8Array.from(bytes), 255, -8)],
  ...[1, 2, 3].flatMap((seed): [string, Read, Uint8Array][] => [
    [`ONNX, noise ${seed}`, describeOnnx, random(seed)],
    [`ONNX, a start and noise ${seed}`, describeOnnx, Uint8Array.of(...PROTOBUF, ...random(seed))],
    [`Keras, noise ${seed}`, describeKeras, random(seed)],
    [`Keras, a start and noise ${seed}`, describeKeras, Uint8Array.of(...ZIP, ...random(seed))],
    [`TensorFlow.js, noise ${seed}`, layersModel, random(seed)],
  ]),
];

describe("a malformed file leaves everything as it was", () => {
  it.each(files)("%s", async (_, read, file) => {
    const before = vacancies(engine);
    const load = async () => loadLanguageModel(engine, read(file));
    await expect(load()).rejects.toBeInstanceOf(ModelFormatError);
    expect(vacancies(engine)).toEqual(before);
    expect(model.scoreSync([sequence])).toEqual([wanted]);
  });
});
