/**
 * Puts the gate blocks of other systems into PyTorch's order, which layers load. No other file permutes gates.
 *
 * An order gives, for each block of the target, the number of the source's block. The target of LSTM is i, f, g, o (input,
 * forget, candidate, output), of GRU r, z, n (reset, update, candidate), of peepholes i, f, o. Behind it are the source's
 * letters: ONNX and Keras call the candidate c or h, TensorFlow 1 calls it j.
 */
export const GATES = {
  onnx: {
    rnn: [0],
    gru: [1, 0, 2], // z r h
    lstm: [0, 2, 3, 1], // i o f c
    peepholes: [0, 2, 1], // i o f
  },
  keras: {
    rnn: [0],
    gru: [1, 0, 2], // z r h
    lstm: [0, 1, 2, 3], // i f c o
  },
  /** `BasicLSTMCell`. Adds `forget_bias` (default 1) at run time; the stored bias does not include it. */
  tensorflow1: {
    lstm: [0, 2, 1, 3], // i j f o
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;

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
