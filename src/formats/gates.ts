/**
 * Puts the gate blocks of other systems into PyTorch's order, which layers load. No other file permutes gates.
 *
 * An order gives, for each block of the target, the number of the source's block. The target of LSTM is i, f, g, o (input,
 * forget, candidate, output), of GRU r, z, n (reset, update, candidate), of peepholes i, f, o.
 */
const order = (source: string, target: string): readonly number[] =>
  [...target].map((gate) => source.indexOf(gate));

/** The orders of each system, in its own letters: ONNX and Keras call the candidate c or h, TensorFlow 1 calls it j. */
export const GATES = {
  onnx: {
    rnn: order("i", "i"),
    gru: order("zrh", "rzh"),
    lstm: order("iofc", "ifco"),
    peepholes: order("iof", "ifo"),
  },
  keras: {
    rnn: order("i", "i"),
    gru: order("zrh", "rzh"),
    lstm: order("ifco", "ifco"),
  },
  /** `BasicLSTMCell`. Adds `forget_bias` (default 1) at run time; the stored bias does not include it. */
  tensorflow1: {
    lstm: order("ijfo", "ifjo"),
  },
} as const;

type Floats = Float64Array | Float32Array;

/** A copy of a bias, or of a matrix whose rows are gates (G·na, n), with its blocks in the target's order. */
export function reorderRows<D extends Floats>(source: D, gates: readonly number[]): D {
  const block = source.length / gates.length;
  const target = source.slice() as D;
  gates.forEach((from, to) => {
    target.set(source.subarray(from * block, (from + 1) * block), to * block);
  });
  return target;
}

/** The transpose (G·na, n) of a matrix whose columns are gates (n, G·na), with its blocks in the target's order. */
export function reorderColumns<D extends Floats>(
  source: D,
  n: number,
  gates: readonly number[],
): D {
  const columns = n === 0 ? 0 : source.length / n;
  const na = columns / gates.length;
  const target = source.slice() as D;
  gates.forEach((from, to) => {
    for (let j = 0; j < na; j++) {
      for (let i = 0; i < n; i++) {
        target[(to * na + j) * n + i] = source[i * columns + from * na + j] as number;
      }
    }
  });
  return target;
}
