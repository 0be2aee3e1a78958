// Recurra by its numpy-shaped functions: columns are the batch, time is last, a softmax head of one class comes along.
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
import { serve } from "../timing/worker.js";

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

/** One gate's matrix, its hidden columns first, and its bias. */
function gate(o: Operands, { nx, na }: Sizes, g: number): [Tensor, Tensor] {
  const W = tensor([na, na + nx]);
  const b = tensor([na, 1]);
  for (let u = 0; u < na; u++) {
    const row = g * na + u;
    W.data.set(o.weight_hh.subarray(row * na, (row + 1) * na), u * (na + nx));
    W.data.set(o.weight_ih.subarray(row * nx, (row + 1) * nx), u * (na + nx) + na);
    b.data[u] = (o.bias_ih[row] as number) + (o.bias_hh[row] as number);
  }
  return [W, b];
}

function lstmParameters(o: Operands, sizes: Sizes) {
  const [[Wi, bi], [Wf, bf], [Wc, bc], [Wo, bo]] = [0, 1, 2, 3].map((g) => gate(o, sizes, g)) as [
    [Tensor, Tensor],
    [Tensor, Tensor],
    [Tensor, Tensor],
    [Tensor, Tensor],
  ];
  return { Wi, bi, Wf, bf, Wc, bc, Wo, bo, Wy: tensor([1, sizes.na]), by: tensor([1, 1]) };
}

function rnn(o: Operands, sizes: Sizes, x: Tensor): Prepared {
  const { nx, na, m, T } = sizes;
  const parameters = {
    ...{ Wax: tensor([na, nx], o.weight_ih), Waa: tensor([na, na], o.weight_hh) },
    ba: tensor(
      [na, 1],
      o.bias_ih.map((b, i) => b + (o.bias_hh[i] as number)),
    ),
    ...{ Wya: tensor([1, na]), by: tensor([1, 1]) },
  };
  let a = tensor([0]);
  return {
    call: () => {
      const done = rnnForward(engine, x, tensor([na, m]), parameters);
      done.caches.dispose();
      a = done.a;
      return last(a);
    },
    result: () => reversed(a.data, na, m, T),
  };
}

function step(o: Operands, sizes: Sizes): Prepared {
  const { nx, na, m, T } = sizes;
  const parameters = lstmParameters(o, sizes);
  const xs = Array.from({ length: T }, (_, t) =>
    tensor([nx, m], reversed(o.x.subarray(t * m * nx, (t + 1) * m * nx), 1, m, nx)),
  );
  let [a, c, t] = [tensor([na, m]), tensor([na, m]), 0];
  return {
    call: () => {
      const done = lstmCellForward(engine, xs[t++ % T] as Tensor, a, c, parameters);
      done.cache.dispose();
      a = done.aNext;
      c = done.cNext;
      return last(a);
    },
    result: () => reversed(a.data, na, m, 1),
  };
}

function train(o: Operands, sizes: Sizes, x: Tensor): Prepared {
  const { nx, na, m, T } = sizes;
  const parameters = lstmParameters(o, sizes);
  const da = tensor([na, m, T], reversed(o.dy, T, m, na));
  let gradients: ReturnType<typeof lstmBackward>;
  /** Rows of the gates' gradients, the columns from `first` on. */
  const block = (first: number, width: number): Float64Array =>
    join(
      ...[gradients.dWi, gradients.dWf, gradients.dWc, gradients.dWo].flatMap(({ data }) =>
        Array.from({ length: na }, (_, u) => {
          const row = u * (na + nx) + first;
          return data.subarray(row, row + width);
        }),
      ),
    );
  return {
    call: () => {
      const { caches } = lstmForward(engine, x, tensor([na, m]), parameters);
      gradients = lstmBackward(engine, da, caches);
      caches.dispose();
      return last(gradients.dx);
    },
    result: () => {
      const { dx, dbi, dbf, dbc, dbo } = gradients;
      const biases = [dbi.data, dbf.data, dbc.data, dbo.data];
      return join(reversed(dx.data, nx, m, T), block(na, nx), block(0, na), ...biases);
    },
  };
}

function forward(o: Operands, sizes: Sizes, x: Tensor): Prepared {
  const { na, m, T } = sizes;
  const parameters = lstmParameters(o, sizes);
  let a = tensor([0]);
  return {
    call: () => {
      const done = lstmForward(engine, x, tensor([na, m]), parameters);
      done.caches.dispose();
      a = done.a;
      return last(a);
    },
    result: () => reversed(a.data, na, m, T),
  };
}

await serve((job, o) => {
  if (job.work === "lstm-step") return step(o, job);
  const x = tensor([job.nx, job.m, job.T], reversed(o.x, job.T, job.m, job.nx));
  if (job.work === "rnn-forward") return rnn(o, job, x);
  return job.work === "lstm-train" ? train(o, job, x) : forward(o, job, x);
});
