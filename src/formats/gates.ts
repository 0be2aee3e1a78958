/**
 * The gate blocks of other systems in PyTorch's order, which is what layers load. No other file permutes gates.
 *
 * An order says from which block of the source each block of the target comes. LSTM's target is i, f, g, o (input, forget,
 * candidate, output), GRU's r, z, n (reset, update, candidate), peepholes' i, f, o.
 */
const order = (source: string, target: string): readonly number[] =>
  [...target].map((gate) => source.indexOf(gate));

/** By system. The letters are each system's own: ONNX and Keras call the candidate c or h, TensorFlow 1 calls it j. */
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
  /** `BasicLSTMCell`; it adds its forget_bias, 1 unless said, at every step: the file's bias is without it. */
  tensorflow1: {
    lstm: order("ijfo", "ifjo"),
  },
} as const;

type Floats = Float64Array | Float32Array;

/** A copy with its blocks in the target's order: of biases, and of matrices whose rows are gates, (G·na, n). */
export function reorderRows<D extends Floats>(source: D, gates: readonly number[]): D {
  const block = source.length / gates.length;
  const target = source.slice() as D;
  gates.forEach((from, to) => {
    target.set(source.subarray(from * block, (from + 1) * block), to * block);
  });
  return target;
}

/** The same from a matrix whose columns are gates, (n, G·na), as Keras and TensorFlow have them: its transpose, (G·na, n). */
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
