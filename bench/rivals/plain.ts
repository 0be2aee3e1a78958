// Decent loops in plain JavaScript: flat Float64Arrays, no allocation in a call.
import { join, type Operands } from "../cases/data.js";
import type { Job } from "../timing/protocol.js";
import { runLayerWorker } from "../timing/worker.js";
import { gateRow, type LstmRows, lstmRow, type Numbers, spread, zeros } from "./plain_lstm.js";

/** Both loops of a step of row `n` = t·m + b read x at n·nx, h and c at n·na, and write them at (n + m)·na. */
interface Buffers extends LstmRows {
  readonly y: Numbers;
  readonly dy: Numbers;
}

function open({ nx, na, m, T }: Job, o: Operands): Buffers {
  const { x, weight_ih, weight_hh, dy } = o as Record<keyof Operands, Numbers>;
  const bias = o.bias_ih.map((b, i) => b + (o.bias_hh[i] as number)) as Numbers;
  const [h, c] = [zeros((T + 1) * m * na), zeros((T + 1) * m * na)];
  const gates = zeros(T * m * 4 * na);
  const y = h.subarray(m * na) as Numbers;
  return { nx, na, m, weight_ih, weight_hh, bias, x, h, c, gates, y, dy };
}

function rnnRow({ nx, na, m, weight_ih, weight_hh, bias, x, h }: Buffers, n: number): void {
  for (let u = 0; u < na; u++) {
    let sum = bias[u] as number;
    for (let k = 0; k < nx; k++)
      sum += (x[n * nx + k] as number) * (weight_ih[u * nx + k] as number);
    for (let k = 0; k < na; k++)
      sum += (h[n * na + k] as number) * (weight_hh[u * na + k] as number);
    h[(n + m) * na + u] = Math.tanh(sum);
  }
}

function train(job: Job, buffers: Buffers) {
  const { nx, na, m, T } = job;
  const { h, c, x, dy } = buffers;
  const like = (of: Numbers): Numbers => zeros(of.length);
  const [dx, dh, dc, dz] = [like(x), like(h), like(c), zeros(4 * na)];
  const gradients = { dh, dc, dz };
  const [dih, dhh, dbias] = [like(buffers.weight_ih), like(buffers.weight_hh), like(buffers.bias)];
  const input = { W: buffers.weight_ih, dW: dih, x, dx, length: nx, units: na };
  const hidden = { W: buffers.weight_hh, dW: dhh, x: h, dx: dh, length: na, units: na };

  function backward(): void {
    for (const gradient of [dx, dh, dc, dih, dhh, dbias]) gradient.fill(0);
    dh.set(dy, m * na);
    for (let n = T * m - 1; n >= 0; n--) {
      gateRow(buffers, gradients, n);
      for (let r = 0; r < 4 * na; r++) dbias[r] = (dbias[r] as number) + (dz[r] as number);
      for (let u = 0; u < na; u++) {
        spread(input, dz, u, n * nx);
        spread(hidden, dz, u, n * na);
      }
    }
  }

  const call = (): number => {
    for (let n = 0; n < T * m; n++) lstmRow(buffers, n, n * na, (n + m) * na);
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
        lstmRow(buffers, (t % T) * m + b, (from + b) * na, (to + b) * na);
      }
      t++;
      return h[to * na] as number;
    };
    return { call, result: () => h.subarray((t % 2) * m * na, ((t % 2) + 1) * m * na) };
  }
  const call = (): number => {
    for (let n = 0; n < T * m; n++) {
      if (work === "rnn-forward") rnnRow(buffers, n);
      else lstmRow(buffers, n, n * na, (n + m) * na);
    }
    return h[h.length - 1] as number;
  };
  return { call, result: () => y };
});
