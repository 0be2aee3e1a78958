// Plain loops in float64, written for the eye: what every contender's output is compared with before it is timed.
import { type Case, callsBeforeCheck, type Sizes } from "./cases.js";
import type { Operands } from "./data.js";

/** A cell that brain.js calls LSTM has no memory of its own: its forget gate weighs the hidden state. */
export type Memory = "own" | "hidden";

export const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));
export const at = (data: Float64Array, i: number): number => data[i] as number;

export function dot(
  length: number,
  a: Float64Array,
  i: number,
  b: Float64Array,
  j: number,
): number {
  let sum = 0;
  for (let k = 0; k < length; k++) sum += at(a, i + k) * at(b, j + k);
  return sum;
}

/** Row `r` of the pre-activations of the sequence's row `n` = t·m + b, given the hidden states before it. */
function preactivation({ nx, na }: Sizes, o: Operands, r: number, n: number, h: Float64Array) {
  const bias = at(o.bias_ih, r) + at(o.bias_hh, r);
  return bias + dot(nx, o.weight_ih, r * nx, o.x, n * nx) + dot(na, o.weight_hh, r * na, h, n * na);
}

interface Tape {
  /** (T + 1, m, na), the initial state first. */
  h: Float64Array;
  c: Float64Array;
  /** (T, m, 4·na) in the order i, f, g, o. */
  gates: Float64Array;
}

function lstmForward(sizes: Sizes, o: Operands, memory: Memory): Tape {
  const { na, m, T } = sizes;
  const h = new Float64Array((T + 1) * m * na);
  const c = new Float64Array((T + 1) * m * na);
  const gates = new Float64Array(T * m * 4 * na);
  for (let n = 0; n < T * m; n++) {
    for (let u = 0; u < na; u++) {
      const z = [0, 1, 2, 3].map((g) => preactivation(sizes, o, g * na + u, n, h));
      const [i, f, g, out] = z.map((v, k) => (k === 2 ? Math.tanh(v) : sigmoid(v))) as number[];
      [i, f, g, out].forEach((v, k) => {
        gates[(n * 4 + k) * na + u] = v as number;
      });
      const before = at(memory === "own" ? c : h, n * na + u);
      const next = (n + m) * na + u;
      c[next] = (f as number) * before + (i as number) * (g as number);
      h[next] = (out as number) * Math.tanh(at(c, next));
    }
  }
  return { h, c, gates };
}

function rnnForward(sizes: Sizes, o: Operands): Float64Array {
  const { na, m, T } = sizes;
  const h = new Float64Array((T + 1) * m * na);
  for (let n = 0; n < T * m; n++) {
    for (let u = 0; u < na; u++) {
      h[(n + m) * na + u] = Math.tanh(preactivation(sizes, o, u, n, h));
    }
  }
  return h.subarray(m * na);
}

/** One side of a product: its weights, what they multiply, and the gradients of both. */
interface Product {
  W: Float64Array;
  dW: Float64Array;
  x: Float64Array;
  dx: Float64Array;
  length: number;
}

/** Through one row of a product: dW[row] += d·x, dx += d·W[row]. */
function spread({ W, dW, x, dx, length }: Product, d: number, row: number, column: number): void {
  for (let k = 0; k < length; k++) {
    const w = row * length + k;
    const v = column * length + k;
    dW[w] = at(dW, w) + d * at(x, v);
    dx[v] = at(dx, v) + d * at(W, w);
  }
}

/** The gradients of one unit's four pre-activations, and of its memory before the step. */
function gateGradients(gates: number[], c: number, before: number, dh: number, dc: number) {
  const [i, f, g, o] = gates as [number, number, number, number];
  const t = Math.tanh(c);
  const d = dc + dh * o * (1 - t * t);
  const dz = [d * g * i * (1 - i), d * before * f * (1 - f), d * i * (1 - g * g)];
  return { dz: [...dz, dh * t * o * (1 - o)], dBefore: d * f };
}

/** dx, dweight_ih, dweight_hh and dbias, one after the other, for the loss Σ y·dy. */
function lstmTrain(sizes: Sizes, o: Operands): Float64Array {
  const { nx, na, m, T } = sizes;
  const { h, c, gates } = lstmForward(sizes, o, "own");
  const like = (of: Float64Array): Float64Array => new Float64Array(of.length);
  const input = { W: o.weight_ih, dW: like(o.weight_ih), x: o.x, dx: like(o.x), length: nx };
  const hidden = { W: o.weight_hh, dW: like(o.weight_hh), x: h, dx: like(h), length: na };
  const dbias = new Float64Array(4 * na);
  const dc = like(c);
  hidden.dx.set(o.dy, m * na);
  for (let n = T * m - 1; n >= 0; n--) {
    for (let u = 0; u < na; u++) {
      const own = [0, 1, 2, 3].map((k) => at(gates, (n * 4 + k) * na + u));
      const before = n * na + u;
      const after = before + m * na;
      const unit = [at(c, after), at(c, before), at(hidden.dx, after), at(dc, after)] as const;
      const { dz, dBefore } = gateGradients(own, ...unit);
      dc[before] = dBefore;
      dz.forEach((d, k) => {
        const row = k * na + u;
        dbias[row] = at(dbias, row) + d;
        spread(input, d, row, n);
        spread(hidden, d, row, n);
      });
    }
  }
  return join(input.dx, input.dW, hidden.dW, dbias);
}

export function join(...parts: ArrayLike<number>[]): Float64Array {
  const all = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let end = 0;
  for (const part of parts) {
    all.set(part, end);
    end += part.length;
  }
  return all;
}

/** What a contender must give: hidden states (T, m, na), one step's (m, na), gradients, or the mapped values. */
export function expected(one: Case, o: Operands, memory: Memory): Float64Array {
  const { na, m } = one;
  if (one.work === "tanh-map") return o.x.map(Math.tanh);
  if (one.work === "sigmoid-map") return o.x.map(sigmoid);
  if (one.work === "rnn-forward") return rnnForward(one, o);
  if (one.work === "lstm-train") return lstmTrain(one, o);
  const states = lstmForward(one, o, memory).h.subarray(m * na);
  if (one.work === "lstm-forward") return states;
  const step = callsBeforeCheck(one.work);
  return states.slice((step - 1) * m * na, step * m * na);
}
