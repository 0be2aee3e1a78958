// A decent loop in plain JavaScript: flat Float64Arrays, no allocation in a call, and the four gates of a unit in one loop
// over its inputs, so that four sums progress at a time.
import { join, type Operands } from "../cases/data.js";
import type { Job } from "../timing/protocol.js";
import { runLayerWorker } from "../timing/worker.js";

/** A typed array whose elements are in range, which the type checker cannot know. */
type Numbers = { [index: number]: number } & Float64Array;

/** Both loops of a step of row `n` = t·m + b read x at n·nx, h and c at n·na, and write them at (n + m)·na. */
interface Buffers extends Record<keyof Operands, Numbers> {
  bias: Numbers;
  h: Numbers;
  c: Numbers;
  gates: Numbers;
  y: Numbers;
}

function open({ na, m, T }: Job, o: Operands): Buffers {
  const h = new Float64Array((T + 1) * m * na);
  const c = new Float64Array((T + 1) * m * na);
  const bias = o.bias_ih.map((b, i) => b + (o.bias_hh[i] as number));
  const gates = new Float64Array(T * m * 4 * na);
  return { ...(o as Record<keyof Operands, Numbers>), bias, h, y: h.subarray(m * na), c, gates };
}

function lstmRow(job: Job, buffers: Buffers, n: number, from: number, to: number): void {
  const { nx, na } = job;
  const { weight_ih, weight_hh, bias, x, h, c, gates } = buffers;
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

function rnnRow(job: Job, buffers: Buffers, n: number): void {
  const { nx, na, m } = job;
  const { weight_ih, weight_hh, bias, x, h } = buffers;
  for (let u = 0; u < na; u++) {
    let sum = bias[u] as number;
    for (let k = 0; k < nx; k++)
      sum += (x[n * nx + k] as number) * (weight_ih[u * nx + k] as number);
    for (let k = 0; k < na; k++)
      sum += (h[n * na + k] as number) * (weight_hh[u * na + k] as number);
    h[(n + m) * na + u] = Math.tanh(sum);
  }
}

/** The gradients of the four rows of unit `u` of a product: dx += Σ d·W[row], then dW[row] += d·x, each in one loop. */
function spread(
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

/** A product of weights and their inputs, with the gradients of both. */
interface Product {
  W: Numbers;
  dW: Numbers;
  x: Numbers;
  dx: Numbers;
  length: number;
  units: number;
}

function train(job: Job, buffers: Buffers) {
  const { nx, na, m, T } = job;
  const { h, c, x, dy, gates } = buffers;
  const like = (of: Numbers): Numbers => new Float64Array(of.length);
  const [dx, dh, dc, dz] = [like(x), like(h), like(c), new Float64Array(4 * na) as Numbers];
  const [dih, dhh, dbias] = [like(buffers.weight_ih), like(buffers.weight_hh), like(buffers.bias)];
  const input = { W: buffers.weight_ih, dW: dih, x, dx, length: nx, units: na };
  const hidden = { W: buffers.weight_hh, dW: dhh, x: h, dx: dh, length: na, units: na };

  function gateRow(n: number): void {
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

  function backward(): void {
    for (const gradient of [dx, dh, dc, dih, dhh, dbias]) gradient.fill(0);
    dh.set(dy, m * na);
    for (let n = T * m - 1; n >= 0; n--) {
      gateRow(n);
      for (let r = 0; r < 4 * na; r++) dbias[r] = (dbias[r] as number) + (dz[r] as number);
      for (let u = 0; u < na; u++) {
        spread(input, dz, u, n * nx);
        spread(hidden, dz, u, n * na);
      }
    }
  }

  const call = (): number => {
    for (let n = 0; n < T * m; n++) lstmRow(job, buffers, n, n * na, (n + m) * na);
    backward();
    return dx[dx.length - 1] as number;
  };
  return { call, result: () => join(dx, dih, dhh, dbias) };
}

function map(f: (x: number) => number, { x }: Operands) {
  const y = new Float64Array(x.length);
  const call = (): number => {
    for (let i = 0; i < x.length; i++) y[i] = f(x[i] as number);
    return y[y.length - 1] as number;
  };
  return { call, result: () => y };
}

await runLayerWorker((job, o) => {
  const { work, na, m, T } = job;
  if (work === "tanh-map") return map(Math.tanh, o);
  if (work === "sigmoid-map") return map((x) => 1 / (1 + Math.exp(-x)), o);
  const buffers = open(job, o);
  const { h, y } = buffers;
  if (work === "lstm-train") return train(job, buffers);
  if (work === "lstm-step") {
    let t = 0;
    const call = (): number => {
      const [from, to] = t % 2 === 0 ? [0, m] : [m, 0];
      for (let b = 0; b < m; b++) {
        lstmRow(job, buffers, (t % T) * m + b, (from + b) * na, (to + b) * na);
      }
      t++;
      return h[to * na] as number;
    };
    return { call, result: () => h.subarray((t % 2) * m * na, ((t % 2) + 1) * m * na) };
  }
  const call = (): number => {
    for (let n = 0; n < T * m; n++) {
      if (work === "rnn-forward") rnnRow(job, buffers, n);
      else lstmRow(job, buffers, n, n * na, (n + m) * na);
    }
    return h[h.length - 1] as number;
  };
  return { call, result: () => y };
});
