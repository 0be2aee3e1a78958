import { createEngine, loadTagger, type Tagged, type Tagger, type TaggerOptions } from "recurra";
import { writeSafetensors } from "recurra/safetensors";

const weights = (...shape: number[]) => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) =>
    Math.sin(3 * i + shape.length),
  ),
});

/** What `recurra train` writes beside the weights of a tagger. */
export const TABLE_METADATA = {
  normalisation: JSON.stringify({ mean: [0.5, 1, -2], scale: [2, 0.25, 3] }),
  classes: JSON.stringify(["no", "yes"]),
  features: JSON.stringify(["a", "b", "c"]),
  window: "4",
};

/** A GRU of 3 numbers and 4 units, and a linear layer of 2 outputs, as a safetensors file. */
export const featureTagger = (metadata: Record<string, string> = {}): Uint8Array =>
  writeSafetensors(
    {
      "gru.weight_ih_l0": weights(12, 3),
      "gru.weight_hh_l0": weights(12, 4),
      "out.weight": weights(2, 4),
    },
    metadata,
  );

/** An embedding of the letters a … e, a GRU, and a linear layer of 2 outputs. */
export const letterTagger = (): Uint8Array =>
  writeSafetensors(
    {
      "embedding.weight": weights(5, 3),
      "gru.weight_ih_l0": weights(12, 3),
      "gru.weight_hh_l0": weights(12, 4),
      "out.weight": weights(2, 4),
    },
    { vocabulary: JSON.stringify(["a", "b", "c", "d", "e"]) },
  );

export const opened = async (bytes: Uint8Array, options: TaggerOptions = {}): Promise<Tagger> =>
  loadTagger(await createEngine(), bytes, options);

/** Rows of three numbers that differ. */
export const steps = (count: number, seed = 0): number[][] =>
  Array.from({ length: count }, (_, t) => [Math.cos(t + seed), (t - seed) / 7, -0.25 * t]);

export const tensor = (rows: readonly number[][]) => ({
  shape: [rows.length, 3],
  data: Float64Array.from(rows.flat()),
});

/** The values of a result as lists. */
export function listed({ values: { shape, data } }: Tagged): number[][] {
  const [T = 0, ny = 0] = shape;
  return Array.from({ length: T }, (_, t) => [...data.subarray(t * ny, (t + 1) * ny)]);
}
