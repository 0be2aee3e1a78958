import { drawnAt } from "../../data/random.js";
import type { Trainable } from "../../train.js";

/** A uniform number in [−1, 1). */
const uniform = (seed: number, place: number): number =>
  (2 * drawnAt(seed, place, 2 ** 32)) / 2 ** 32 - 1;

/**
 * Draws the first weights by what a unit sums: uniform in ±√(3 / n) over all its n inputs, so that a sum has their variance
 * (LeCun and others, "Efficient BackProp", 1998); an embedding in ±1, biases 0, and an LSTM's forget gate 1, so that it begins
 * by remembering (Jozefowicz, Zaremba and Sutskever, 2015); a LayerNorm 1 and 0. Small networks learn faster from these than
 * from PyTorch's (docs/decisions/examples.md).
 */
export function drawWeights(net: Trainable, seed: number, isLstm: boolean): void {
  const weights = net.weights();
  let place = 0;
  for (const [name, { shape, data }] of Object.entries(weights)) {
    const isNorm = name.startsWith("norm.");
    data.fill(isNorm && name.endsWith("weight") ? 1 : 0);
    if (isNorm) continue;
    if (name.includes("bias")) {
      const na = (shape[0] as number) / 4;
      if (isLstm && name.includes("bias_ih")) data.fill(1, na, 2 * na);
      continue;
    }
    // A recurrent unit sums its input and its state.
    const [, layer] = /weight_(?:ih|hh)(_l\d+.*)$/.exec(name) ?? [];
    const of = (part: string): number => weights[`recurrent.weight_${part}${layer}`]?.shape[1] ?? 0;
    const inputs = layer === undefined ? (shape[1] as number) : of("ih") + of("hh");
    const bound = name.startsWith("embedding") ? 1 : Math.sqrt(3 / inputs);
    for (let i = 0; i < data.length; i++) data[i] = bound * uniform(seed, place++);
  }
  net.load(weights);
}
