// One LSTM layer as a decent loop in plain JavaScript: flat Float64Arrays, no allocation in a row, and the four gates of a
// unit in one loop over its inputs, so that four sums progress at a time.

/** A typed array whose elements are in range, which the type checker cannot know. */
export type Numbers = { [index: number]: number } & Float64Array;

export const zeros = (n: number): Numbers => new Float64Array(n) as Numbers;

/** What a layer reads and writes. Row n = t·m + b; h and c have m rows more, those of the first state before row 0. */
export interface LstmRows {
  readonly nx: number;
  readonly na: number;
  readonly m: number;
  readonly weight_ih: Numbers;
  readonly weight_hh: Numbers;
  /** The sum of both biases. */
  readonly bias: Numbers;
  readonly x: Numbers;
  readonly h: Numbers;
  readonly c: Numbers;
  readonly gates: Numbers;
}

/** Row n, from the state at `from` to that at `to`: elements of h and c. */
export function lstmRow(rows: LstmRows, n: number, from: number, to: number): void {
  const { nx, na, weight_ih, weight_hh, bias, x, h, c, gates } = rows;
  const [hidden, input] = [na * na, na * nx];
  for (let u = 0; u < na; u++) {
    let i = bias[u] as number;
    let f = bias[na + u] as number;
    let g = bias[2 * na + u] as number;
    let o = bias[3 * na + u] as number;
    for (let k = 0, w = u * nx, at = n * nx; k < nx; k++, w++, at++) {
      const v = x[at] as number;
      i += v * (weight_ih[w] as number);
      f += v * (weight_ih[input + w] as number);
      g += v * (weight_ih[2 * input + w] as number);
      o += v * (weight_ih[3 * input + w] as number);
    }
    for (let k = 0, w = u * na, at = from; k < na; k++, w++, at++) {
      const v = h[at] as number;
      i += v * (weight_hh[w] as number);
      f += v * (weight_hh[hidden + w] as number);
      g += v * (weight_hh[2 * hidden + w] as number);
      o += v * (weight_hh[3 * hidden + w] as number);
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

/** Gradients of a layer: of h and c, as long as these, and of the gates of one row before their activations. */
export interface LstmGradients {
  readonly dh: Numbers;
  readonly dc: Numbers;
  readonly dz: Numbers;
}

/** Row n backward: reads dh and dc after the step, sets dc before it, and dz. */
export function gateRow(rows: LstmRows, gradients: LstmGradients, n: number): void {
  const { na, m, c, gates } = rows;
  const { dh, dc, dz } = gradients;
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

/** A product of weights and rows, with the gradients of both. */
export interface Product {
  readonly W: Numbers;
  readonly dW: Numbers;
  readonly x: Numbers;
  readonly dx: Numbers;
  /** Numbers of a row. */
  readonly length: number;
  readonly units: number;
}

/**
 * The gradients of the four rows of unit `u` of a product: dx += Σ d·W[row], then dW[row] += d·x, each in one loop.
 *
 * @param column where the row begins in x and dx
 */
export function spread(
  { W, dW, x, dx, length, units }: Product,
  dz: Numbers,
  u: number,
  column: number,
): void {
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
