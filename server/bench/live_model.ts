// The small model of the live row: nx 32, na 64, 65 classes, one LSTM layer, seeded weights.
import { writeFileSync } from "node:fs";
import { writeSafetensors } from "recurra/safetensors";
import { FOLDER } from "./fixture.js";

const [NX, NA] = [32, 64];
export const CLASSES = 65;

/** Numbers in −0.5 … 0.5, the same in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
}

/** Writes the model; returns its path. Two names give two files that hold the same numbers and have different hashes. */
export function writeLiveModel(name: string): string {
  const next = seeded(1);
  const weights = (...shape: number[]) => {
    const data = new Float32Array(shape.reduce((a, b) => a * b));
    return { shape, data: data.map(next) };
  };
  const tensors = {
    "embedding.weight": weights(CLASSES, NX),
    "lstm.weight_ih_l0": weights(4 * NA, NX),
    "lstm.weight_hh_l0": weights(4 * NA, NA),
    "lstm.bias_ih_l0": weights(4 * NA),
    "lstm.bias_hh_l0": weights(4 * NA),
    "decoder.weight": weights(CLASSES, NA),
    "decoder.bias": weights(CLASSES),
  };
  const path = `${FOLDER}/${name}.safetensors`;
  writeFileSync(path, writeSafetensors(tensors, { name }));
  return path;
}
