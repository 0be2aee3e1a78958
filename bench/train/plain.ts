// A whole step of training in plain JavaScript, around the loops of ../rivals/plain_lstm.ts.
import {
  gateRow,
  type LstmGradients,
  type LstmRows,
  lstmRow,
  type Numbers,
  spread,
  zeros,
} from "../rivals/plain_lstm.js";
import { LEARNING_RATE, type Operands } from "./network.js";
import { runTrainer } from "./worker.js";

/** A weight, its gradient, and Adam's moments. */
class Parameter {
  readonly g: Numbers;
  readonly mean: Numbers;
  readonly square: Numbers;

  constructor(readonly w: Numbers) {
    this.g = zeros(w.length);
    this.mean = zeros(w.length);
    this.square = zeros(w.length);
  }

  update(t: number): void {
    const { w, g, mean, square } = this;
    const [b1, b2] = [0.9, 0.999];
    const rate = LEARNING_RATE / (1 - b1 ** t);
    const root = Math.sqrt(1 - b2 ** t);
    for (let i = 0; i < w.length; i++) {
      const d = g[i] as number;
      const a = b1 * (mean[i] as number) + (1 - b1) * d;
      const b = b2 * (square[i] as number) + (1 - b2) * d * d;
      mean[i] = a;
      square[i] = b;
      w[i] = (w[i] as number) - (rate * a) / (Math.sqrt(b) / root + 1e-8);
      g[i] = 0;
    }
  }
}

/** One LSTM layer. Row n = t·m + b; h and c have m rows of zeros before row 0. */
class Layer {
  readonly h: Numbers;
  readonly dx: Numbers;
  readonly dh: Numbers;
  readonly #c: Numbers;
  readonly #gates: Numbers;
  readonly #bias: Numbers;
  readonly #gradients: LstmGradients;

  constructor(
    readonly nx: number,
    readonly na: number,
    readonly m: number,
    readonly T: number,
    readonly parameters: readonly [Parameter, Parameter, Parameter, Parameter],
  ) {
    const rows = (T + 1) * m * na;
    this.h = zeros(rows);
    this.dh = zeros(rows);
    this.dx = zeros(T * m * nx);
    this.#c = zeros(rows);
    this.#gates = zeros(T * m * 4 * na);
    this.#bias = zeros(4 * na);
    this.#gradients = { dh: this.dh, dc: zeros(rows), dz: zeros(4 * na) };
  }

  #rows(x: Numbers): LstmRows {
    const { nx, na, m, h, parameters } = this;
    const [{ w: weight_ih }, { w: weight_hh }] = parameters;
    const [c, gates, bias] = [this.#c, this.#gates, this.#bias];
    return { nx, na, m, weight_ih, weight_hh, bias, x, h, c, gates };
  }

  forward(x: Numbers): void {
    const { na, m, T, parameters } = this;
    const [, , bih, bhh] = parameters;
    const bias = this.#bias;
    for (let r = 0; r < bias.length; r++) bias[r] = (bih.w[r] as number) + (bhh.w[r] as number);
    const rows = this.#rows(x);
    for (let n = 0; n < T * m; n++) lstmRow(rows, n, n * na, (n + m) * na);
  }

  /** Reads dh, which holds the gradient of every h from outside, and sets dx. */
  backward(x: Numbers): void {
    const { nx, na, m, T, h, dx, dh, parameters } = this;
    const [ih, hh, bih, bhh] = parameters;
    const rows = this.#rows(x);
    const gradients = this.#gradients;
    const { dz, dc } = gradients;
    const input = { W: ih.w, dW: ih.g, x, dx, length: nx, units: na };
    const hidden = { W: hh.w, dW: hh.g, x: h, dx: dh, length: na, units: na };
    dx.fill(0);
    dc.fill(0);
    for (let n = T * m - 1; n >= 0; n--) {
      gateRow(rows, gradients, n);
      for (let r = 0; r < 4 * na; r++) {
        bih.g[r] = (bih.g[r] as number) + (dz[r] as number);
        bhh.g[r] = (bhh.g[r] as number) + (dz[r] as number);
      }
      for (let u = 0; u < na; u++) {
        spread(input, dz, u, n * nx);
        spread(hidden, dz, u, n * na);
      }
    }
  }
}

/** The mean cross-entropy of the linear layer's softmax over the rows of h; sets dh. */
function head(
  [W, bias]: readonly [Parameter, Parameter],
  { h, dh, m, na }: Layer,
  targets: Int32Array,
): number {
  const n = bias.w.length;
  const d = zeros(n);
  let loss = 0;
  dh.fill(0);
  targets.forEach((target, row) => {
    const at = (row + m) * na;
    let max = Number.NEGATIVE_INFINITY;
    for (let j = 0; j < n; j++) {
      let sum = bias.w[j] as number;
      for (let k = 0, w = j * na; k < na; k++, w++)
        sum += (h[at + k] as number) * (W.w[w] as number);
      d[j] = sum;
      if (sum > max) max = sum;
    }
    let sum = 0;
    const own = (d[target] as number) - max;
    for (let j = 0; j < n; j++) {
      d[j] = Math.exp((d[j] as number) - max);
      sum += d[j] as number;
    }
    loss += Math.log(sum) - own;
    for (let j = 0; j < n; j++) {
      const own = ((d[j] as number) / sum - (j === target ? 1 : 0)) / targets.length;
      bias.g[j] = (bias.g[j] as number) + own;
      for (let k = 0, w = j * na; k < na; k++, w++) {
        dh[at + k] = (dh[at + k] as number) + own * (W.w[w] as number);
        W.g[w] = (W.g[w] as number) + own * (h[at + k] as number);
      }
    }
  });
  return loss / targets.length;
}

function open({ sizes, weights, inputs, targets }: Operands) {
  const { embedding: E, na, layers, m, T } = sizes;
  const parameters = [...weights.values()].map(({ data }) => new Parameter(data as Numbers));
  const embedding = parameters[0] as Parameter;
  const top = parameters.slice(-2) as [Parameter, Parameter];
  const stack = Array.from({ length: layers }, (_, l) => {
    const own = parameters.slice(1 + 4 * l, 5 + 4 * l);
    return new Layer(l === 0 ? E : na, na, m, T, own as unknown as Layer["parameters"]);
  });
  const byStep = (lists: readonly Int32Array[]): Int32Array =>
    Int32Array.from({ length: T * m }, (_, row) => lists[row % m]?.[Math.floor(row / m)] as number);
  const [ids, wanted] = [byStep(inputs), byStep(targets)];
  const x0 = zeros(T * m * E);
  /** What layer l reads: the embedded ids, or the h below, without its m first rows. */
  const inputOf = (l: number): Numbers =>
    l === 0 ? x0 : ((stack[l - 1] as Layer).h.subarray(m * na) as Numbers);
  let updates = 0;
  return (): number => {
    ids.forEach((id, row) => {
      for (let k = 0; k < E; k++) x0[row * E + k] = embedding.w[id * E + k] as number;
    });
    stack.forEach((layer, l) => {
      layer.forward(inputOf(l));
    });
    const loss = head(top, stack[layers - 1] as Layer, wanted);
    for (let l = layers - 1; l >= 0; l--) {
      const layer = stack[l] as Layer;
      layer.backward(inputOf(l));
      if (l === 0) continue;
      const { dh } = stack[l - 1] as Layer;
      dh.fill(0, 0, m * na);
      dh.set(layer.dx, m * na);
    }
    const { dx } = stack[0] as Layer;
    ids.forEach((id, row) => {
      for (let k = 0; k < E; k++) {
        embedding.g[id * E + k] = (embedding.g[id * E + k] as number) + (dx[row * E + k] as number);
      }
    });
    updates++;
    for (const parameter of parameters) parameter.update(updates);
    return loss;
  };
}

await runTrainer((operands) => ({ step: open(operands) }));
