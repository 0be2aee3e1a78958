// A decent loop in plain JavaScript, as ../rivals/plain.ts has it for one layer: flat Float64Arrays, no allocation in a step, and
// the four gates of a unit in one loop over its inputs, so that four sums progress at a time.
import { LEARNING_RATE, type Operands } from "./network.js";
import { runTrainer } from "./worker.js";

/** A typed array whose elements are in range, which the type checker cannot know. */
type Numbers = { [index: number]: number } & Float64Array;

const zeros = (n: number): Numbers => new Float64Array(n) as Numbers;

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
  readonly #dc: Numbers;
  readonly #gates: Numbers;
  readonly #dz: Numbers;

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
    this.#c = zeros(rows);
    this.#dc = zeros(rows);
    this.#gates = zeros(T * m * 4 * na);
    this.#dz = zeros(4 * na);
    this.dx = zeros(T * m * nx);
  }

  forward(x: Numbers): void {
    for (let n = 0; n < this.T * this.m; n++) this.#forwardRow(x, n);
  }

  #forwardRow(x: Numbers, n: number): void {
    const { nx, na, m, h, parameters } = this;
    const [wih, whh, bih, bhh] = parameters.map(({ w }) => w) as [
      Numbers,
      Numbers,
      Numbers,
      Numbers,
    ];
    const [c, gates] = [this.#c, this.#gates];
    const [from, to] = [n * na, (n + m) * na];
    const [hidden, input] = [na * na, na * nx];
    for (let u = 0; u < na; u++) {
      let i = (bih[u] as number) + (bhh[u] as number);
      let f = (bih[na + u] as number) + (bhh[na + u] as number);
      let g = (bih[2 * na + u] as number) + (bhh[2 * na + u] as number);
      let o = (bih[3 * na + u] as number) + (bhh[3 * na + u] as number);
      for (let k = 0, w = u * nx, at = n * nx; k < nx; k++, w++, at++) {
        const v = x[at] as number;
        i += v * (wih[w] as number);
        f += v * (wih[input + w] as number);
        g += v * (wih[2 * input + w] as number);
        o += v * (wih[3 * input + w] as number);
      }
      for (let k = 0, w = u * na, at = from; k < na; k++, w++, at++) {
        const v = h[at] as number;
        i += v * (whh[w] as number);
        f += v * (whh[hidden + w] as number);
        g += v * (whh[2 * hidden + w] as number);
        o += v * (whh[3 * hidden + w] as number);
      }
      i = 1 / (1 + Math.exp(-i));
      f = 1 / (1 + Math.exp(-f));
      g = Math.tanh(g);
      o = 1 / (1 + Math.exp(-o));
      const state = f * (c[from + u] as number) + i * g;
      c[to + u] = state;
      h[to + u] = o * Math.tanh(state);
      const at = n * 4 * na + u;
      gates[at] = i;
      gates[at + na] = f;
      gates[at + 2 * na] = g;
      gates[at + 3 * na] = o;
    }
  }

  /** Reads dh, which holds the gradient of every h from outside, and sets dx. */
  backward(x: Numbers): void {
    const { nx, na, m, T, h, dx, dh, parameters } = this;
    const [ih, hh, bih, bhh] = parameters;
    const dz = this.#dz;
    dx.fill(0);
    this.#dc.fill(0);
    for (let n = T * m - 1; n >= 0; n--) {
      this.#gateRow(n);
      for (let r = 0; r < 4 * na; r++) {
        bih.g[r] = (bih.g[r] as number) + (dz[r] as number);
        bhh.g[r] = (bhh.g[r] as number) + (dz[r] as number);
      }
      for (let u = 0; u < na; u++) {
        spread(ih, dz, u, { x, dx, at: n * nx, length: nx, units: na });
        spread(hh, dz, u, { x: h, dx: dh, at: n * na, length: na, units: na });
      }
    }
  }

  #gateRow(n: number): void {
    const { na, m, dh } = this;
    const [c, dc, gates, dz] = [this.#c, this.#dc, this.#gates, this.#dz];
    const [from, to] = [n * na, (n + m) * na];
    for (let u = 0, at = n * 4 * na; u < na; u++, at++) {
      const i = gates[at] as number;
      const f = gates[at + na] as number;
      const g = gates[at + 2 * na] as number;
      const o = gates[at + 3 * na] as number;
      const t = Math.tanh(c[to + u] as number);
      const d = (dc[to + u] as number) + (dh[to + u] as number) * o * (1 - t * t);
      dc[from + u] = d * f;
      dz[u] = d * g * i * (1 - i);
      dz[na + u] = d * (c[from + u] as number) * f * (1 - f);
      dz[2 * na + u] = d * i * (1 - g * g);
      dz[3 * na + u] = (dh[to + u] as number) * t * o * (1 - o);
    }
  }
}

interface Product {
  readonly x: Numbers;
  readonly dx: Numbers;
  /** The first element of the row. */
  readonly at: number;
  readonly length: number;
  readonly units: number;
}

/** The gradients of the four rows of unit `u` of a product: dx += Σ d·W[row], then dW[row] += d·x, each in one loop. */
function spread({ w: W, g: dW }: Parameter, dz: Numbers, u: number, product: Product): void {
  const { x, dx, at: column, length, units } = product;
  const i = dz[u] as number;
  const f = dz[units + u] as number;
  const g = dz[2 * units + u] as number;
  const o = dz[3 * units + u] as number;
  const block = units * length;
  for (let k = 0, w = u * length, at = column; k < length; k++, w++, at++) {
    const sum = i * (W[w] as number) + f * (W[block + w] as number);
    const rest = g * (W[2 * block + w] as number) + o * (W[3 * block + w] as number);
    dx[at] = (dx[at] as number) + sum + rest;
  }
  for (let k = 0, w = u * length, at = column; k < length; k++, w++, at++) {
    const v = x[at] as number;
    dW[w] = (dW[w] as number) + i * v;
    dW[block + w] = (dW[block + w] as number) + f * v;
    dW[2 * block + w] = (dW[2 * block + w] as number) + g * v;
    dW[3 * block + w] = (dW[3 * block + w] as number) + o * v;
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
