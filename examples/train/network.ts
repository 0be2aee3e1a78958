import {
  type Engine,
  type LstmParameters,
  lstmBackward,
  lstmForward,
  softmaxCrossEntropy,
  type Tensor,
  tensor,
} from "recurra";
import type { Gradients } from "./adam.js";
import type { Random } from "./random.js";
import { CHARACTERS } from "./vocabulary.js";

/** Sizes of a network: nx numbers stand for a character; na is the number of hidden units. */
export interface Sizes {
  readonly nx: number;
  readonly na: number;
}

/** An LSTM with its output layer, and an embedding E (V, nx), a row for each character. */
export interface Network extends LstmParameters {
  readonly E: Tensor;
}

/** Hidden state and cell state of m sequences, each (na, m). */
export interface State {
  readonly a: Tensor;
  readonly c: Tensor;
}

/**
 * A network before training. Weights are uniform in ±√(3 / columns), so that a sum has the variance of its inputs. Biases are
 * 0, but the forget gate's are 1, so that the network starts by remembering (Jozefowicz, Zaremba and Sutskever, ICML 2015).
 */
export function newNetwork({ nx, na }: Sizes, random: Random): Network {
  const V = CHARACTERS.length;
  const matrix = (rows: number, columns: number, bound = Math.sqrt(3 / columns)): Tensor =>
    tensor(
      [rows, columns],
      Float64Array.from({ length: rows * columns }, () => (2 * random() - 1) * bound),
    );
  const gate = (): Tensor => matrix(na, na + nx);
  const bias = (rows: number, value = 0): Tensor =>
    tensor([rows, 1], new Float64Array(rows).fill(value));
  return {
    E: matrix(V, nx, 1),
    Wf: gate(),
    bf: bias(na, 1),
    Wi: gate(),
    bi: bias(na),
    Wc: gate(),
    bc: bias(na),
    Wo: gate(),
    bo: bias(na),
    Wy: matrix(V, na),
    by: bias(V),
  };
}

/** The state before a text: zeros. */
export function startState({ Wf }: Network, m: number): State {
  const na = Wf.shape[0] as number;
  return { a: tensor([na, m]), c: tensor([na, m]) };
}

/**
 * One stretch of truncated back-propagation through time.
 *
 * @param ids characters (m, T + 1): the network reads the first T of each row and predicts the last T
 * @param state the state of the m sequences before the stretch
 * @returns the mean loss in nats per character, its gradient for every parameter, and the state after the stretch
 */
export function lossAndGradients(
  engine: Engine,
  network: Network,
  ids: readonly Uint8Array[],
  state: State,
): { loss: number; gradients: Gradients<Network>; state: State } {
  const m = ids.length;
  const T = (ids[0] as Uint8Array).length - 1;
  const targets = Int32Array.from({ length: m * T }, (_, i) => {
    return ids[Math.floor(i / T)]?.[1 + (i % T)] as number;
  });
  const x = rowsOf(network.E, ids, T);
  const { a, c, caches } = lstmForward(engine, x, state.a, network, { c0: state.c });
  try {
    const { loss, da, dWy, dby } = softmaxCrossEntropy(engine, caches, targets);
    const { dx, ...gates } = lstmBackward(engine, da, caches);
    const dE = sumOfRows(network.E.shape, ids, dx);
    return {
      loss,
      gradients: { ...gates, dE, dWy, dby },
      state: { a: lastStep(a), c: lastStep(c) },
    };
  } finally {
    caches.dispose();
  }
}

/** The rows of E (V, nx) for the ids, as columns of x (nx, m, T). */
function rowsOf(E: Tensor, ids: readonly Uint8Array[], T: number): Tensor {
  const nx = E.shape[1] as number;
  const x = tensor([nx, ids.length, T]);
  let column = 0;
  for (const row of ids) {
    for (let t = 0; t < T; t++, column++) {
      const from = (row[t] as number) * nx;
      for (let j = 0; j < nx; j++) x.data[j * ids.length * T + column] = E.data[from + j] as number;
    }
  }
  return x;
}

/** The gradient of E: the sum, for each id, of its columns of dx (nx, m, T). */
function sumOfRows(shape: readonly number[], ids: readonly Uint8Array[], dx: Tensor): Tensor {
  const [nx = 0, m = 0, T = 0] = dx.shape;
  const dE = tensor(shape);
  let column = 0;
  for (const row of ids) {
    for (let t = 0; t < T; t++, column++) {
      const to = (row[t] as number) * nx;
      for (let j = 0; j < nx; j++) {
        dE.data[to + j] = (dE.data[to + j] as number) + (dx.data[j * m * T + column] as number);
      }
    }
  }
  return dE;
}

/** The last step (na, m) of (na, m, T). */
function lastStep({ shape, data }: Tensor): Tensor {
  const [na = 0, m = 0, T = 0] = shape;
  return tensor(
    [na, m],
    Float64Array.from({ length: na * m }, (_, i) => data[i * T + T - 1] as number),
  );
}
