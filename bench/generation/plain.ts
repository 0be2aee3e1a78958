// What a program writes without a library: one sample after the other, plain loops over typed arrays in float64.

/** PyTorch's weights of an LSTM over one-hot tokens, and a linear layer. */
export interface PlainWeights {
  readonly na: number;
  readonly n: number;
  /** (4·na, n), (4·na, na), (4·na): i, f, g, o. */
  readonly Wx: Float64Array;
  readonly Wh: Float64Array;
  readonly bias: Float64Array;
  /** (n, na), (n). */
  readonly Wy: Float64Array;
  readonly by: Float64Array;
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** Draws `count` tokens after a first one, at temperature 1. @param uniform gives numbers in [0, 1) */
export function generatePlain(
  { na, n, Wx, Wh, bias, Wy, by }: PlainWeights,
  first: number,
  count: number,
  uniform: (i: number) => number,
): Int32Array {
  const tokens = new Int32Array(count);
  const [h, c] = [new Float64Array(na), new Float64Array(na)];
  const gates = new Float64Array(4 * na);
  const weights = new Float64Array(n);
  let token = first;
  for (let t = 0; t < count; t++) {
    for (let g = 0; g < 4 * na; g++) {
      let sum = (bias[g] as number) + (Wx[g * n + token] as number);
      for (let j = 0; j < na; j++) sum += (Wh[g * na + j] as number) * (h[j] as number);
      gates[g] = sum;
    }
    for (let j = 0; j < na; j++) {
      const i = sigmoid(gates[j] as number);
      const f = sigmoid(gates[na + j] as number);
      const g = Math.tanh(gates[2 * na + j] as number);
      const o = sigmoid(gates[3 * na + j] as number);
      c[j] = f * (c[j] as number) + i * g;
      h[j] = o * Math.tanh(c[j] as number);
    }
    let most = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < n; k++) {
      let sum = by[k] as number;
      for (let j = 0; j < na; j++) sum += (Wy[k * na + j] as number) * (h[j] as number);
      weights[k] = sum;
      most = Math.max(most, sum);
    }
    let total = 0;
    for (let k = 0; k < n; k++) {
      const weight = Math.exp((weights[k] as number) - most);
      weights[k] = weight;
      total += weight;
    }
    const wanted = uniform(t) * total;
    let upTo = 0;
    token = weights.findIndex((weight) => {
      upTo += weight;
      return upTo > wanted;
    });
    tokens[t] = token;
  }
  return tokens;
}
