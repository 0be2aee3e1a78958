// Recurra's numpy-shaped functions: columns are the batch, time is last, and a softmax layer of one class is computed too.
import {
  createEngine,
  lstmBackward,
  lstmCellForward,
  lstmForward,
  rnnForward,
  type Tensor,
  tensor,
} from "recurra";
import type { Sizes } from "../cases/cases.js";
import { join, type Operands } from "../cases/data.js";
import type { Prepared } from "../timing/protocol.js";
import { runLayerWorker } from "../timing/worker.js";

const engine = await createEngine();
const last = ({ data }: Tensor): number => data[data.length - 1] as number;

/** (a, b, c) ↔ (c, b, a). */
function reversed(data: Float64Array, a: number, b: number, c: number): Float64Array {
  const to = new Float64Array(data.length);
  for (let i = 0, from = 0; i < a; i++) {
    for (let j = 0; j < b; j++) {
      for (let k = 0; k < c; k++) to[(k * b + j) * a + i] = data[from++] as number;
    }
  }
  return to;
}

const biasOf = ({ bias_ih, bias_hh }: Operands): Float64Array =>
  bias_ih.map((b, i) => b + (bias_hh[i] as number));

/** The matrix of gate g, hidden columns first, and its bias. */
function gate(o: Operands, { nx, na }: Sizes, g: number): [Tensor, Tensor] {
  const W = tensor([na, na + nx]);
  for (let u = 0; u < na; u++) {
    const row = g * na + u;
    W.data.set(o.weight_hh.subarray(row * na, (row + 1) * na), u * (na + nx));
    W.data.set(o.weight_ih.subarray(row * nx, (row + 1) * nx), u * (na + nx) + na);
  }
  return [W, tensor([na, 1], biasOf(o).subarray(g * na, (g + 1) * na))];
}

function lstmParameters(o: Operands, sizes: Sizes) {
  const [Wi, bi] = gate(o, sizes, 0);
  const [Wf, bf] = gate(o, sizes, 1);
  const [Wc, bc] = gate(o, sizes, 2);
  const [Wo, bo] = gate(o, sizes, 3);
  return { Wi, bi, Wf, bf, Wc, bc, Wo, bo, Wy: tensor([1, sizes.na]), by: tensor([1, 1]) };
}

/** A job that computes the hidden states (na, m, T) of a sequence. */
function states(
  { na, m, T }: Sizes,
  pass: () => { a: Tensor; caches: { dispose(): void } },
): Prepared {
  let a = tensor([0]);
  const call = (): number => {
    const done = pass();
    done.caches.dispose();
    a = done.a;
    return last(a);
  };
  return { call, result: () => reversed(a.data, na, m, T) };
}

function rnn(o: Operands, sizes: Sizes, x: Tensor): Prepared {
  const { nx, na, m } = sizes;
  const parameters = {
    Wax: tensor([na, nx], o.weight_ih),
    Waa: tensor([na, na], o.weight_hh),
    ba: tensor([na, 1], biasOf(o)),
    Wya: tensor([1, na]),
    by: tensor([1, 1]),
  };
  return states(sizes, () => rnnForward(engine, x, tensor([na, m]), parameters));
}

function lstm(o: Operands, sizes: Sizes, x: Tensor): Prepared {
  const parameters = lstmParameters(o, sizes);
  return states(sizes, () => lstmForward(engine, x, tensor([sizes.na, sizes.m]), parameters));
}

function step(o: Operands, sizes: Sizes): Prepared {
  const { nx, na, m, T } = sizes;
  const parameters = lstmParameters(o, sizes);
  const xs = Array.from({ length: T }, (_, t) =>
    tensor([nx, m], reversed(o.x.subarray(t * m * nx, (t + 1) * m * nx), 1, m, nx)),
  );
  let [a, c, t] = [tensor([na, m]), tensor([na, m]), 0];
  const call = (): number => {
    const done = lstmCellForward(engine, xs[t++ % T] as Tensor, a, c, parameters);
    done.cache.dispose();
    a = done.aNext;
    c = done.cNext;
    return last(a);
  };
  return { call, result: () => reversed(a.data, na, m, 1) };
}

function train(o: Operands, sizes: Sizes, x: Tensor): Prepared {
  const { nx, na, m, T } = sizes;
  const parameters = lstmParameters(o, sizes);
  const da = tensor([na, m, T], reversed(o.dy, T, m, na));
  let gradients: ReturnType<typeof lstmBackward>;
  const call = (): number => {
    const { caches } = lstmForward(engine, x, tensor([na, m]), parameters);
    gradients = lstmBackward(engine, da, caches);
    caches.dispose();
    return last(gradients.dx);
  };
  const result = (): Float64Array => {
    const { dx, dWi, dWf, dWc, dWo, dbi, dbf, dbc, dbo } = gradients;
    /** Rows of the gates' gradients, `count` columns from `first` on. */
    const columns = (first: number, count: number): Float64Array[] =>
      [dWi, dWf, dWc, dWo].flatMap(({ data }) =>
        Array.from({ length: na }, (_, u) => {
          const from = u * (na + nx) + first;
          return data.subarray(from, from + count);
        }),
      );
    const biases = [dbi.data, dbf.data, dbc.data, dbo.data];
    return join(reversed(dx.data, nx, m, T), ...columns(na, nx), ...columns(0, na), ...biases);
  };
  return { call, result };
}

await runLayerWorker((job, o) => {
  if (job.work === "lstm-step") return step(o, job);
  const x = tensor([job.nx, job.m, job.T], reversed(o.x, job.T, job.m, job.nx));
  if (job.work === "rnn-forward") return rnn(o, job, x);
  return job.work === "lstm-train" ? train(o, job, x) : lstm(o, job, x);
});
