// One recurrent layer over one sequence in one direction, forward and backward, with everything that a general cell may
// have, in PyTorch's terms: sequences are (T, features), states vectors, and the rows of the weights stand in PyTorch's order
// of gates: i, f, g, o; r, z, n.

import type { Activation } from "./activations.js";
import {
  type Gates,
  type GruStep,
  gatesOf,
  gruOutputBackward,
  gruOutputForward,
  gruResetBackward,
  gruResetForward,
  lstmGeneralBackward,
  lstmGeneralForward,
  rnnGeneralBackward,
  rnnGeneralForward,
} from "./cells.js";
import { extent, type Tensor, zeros } from "./tensor.js";
import { addOuter, concat, type Numbers, part, plus, times, timesTransposed } from "./vector.js";

export interface RecurrentOptions {
  readonly cell: "rnn" | "lstm" | "gru";
  /** ONNX's list: f; f, g; f, g, h. */
  readonly activations: readonly Activation[];
  readonly clip?: number;
  /** LSTM: f = 1 − i. */
  readonly coupled?: boolean;
  /** GRU: the reset gate stands before the recurrent product. */
  readonly before?: boolean;
}

/** Gates' rows times features; biases. */
export interface RecurrentWeights {
  readonly weight_ih: Tensor;
  readonly weight_hh: Tensor;
  readonly bias_ih: Tensor;
  readonly bias_hh: Tensor;
  /** LSTM: (3·na), in the order i, f, o. */
  readonly peephole?: Tensor;
  /** LSTM: (nh, na), h = W_hr·(o·h(c)). */
  readonly weight_hr?: Tensor;
}

/** What a step leaves for the backward pass. */
interface Step {
  readonly h: Numbers;
  readonly c: Numbers;
  /** From the gradients of h and c to those before, with the weights' added to `sum`. */
  backward(dh: Numbers, dc: Numbers, sum: RecurrentWeights): StepGradients;
}

interface StepGradients {
  /** Of the input product's rows. */
  readonly dz: Numbers;
  readonly dh: Numbers;
  readonly dc: Numbers;
}

type Cell = (
  options: RecurrentOptions,
  weights: RecurrentWeights,
  gates: Gates,
  /** The input's product with its bias. */
  input: Numbers,
  hPrev: Numbers,
  cPrev: Numbers,
) => Step;

const NONE: Numbers = new Float64Array(0);

/** The recurrent product with its bias. */
const recurrentOf = ({ weight_hh, bias_hh }: RecurrentWeights, h: Numbers): Numbers =>
  plus(times(weight_hh, h), bias_hh.data);

/** Adds what rows `first` … of the recurrent weights get from `dz` and the vector they were multiplied by. */
function addRecurrent(sum: RecurrentWeights, first: number, dz: Numbers, source: Numbers): void {
  addOuter(sum.weight_hh, first, dz, source);
  dz.forEach((d, i) => {
    sum.bias_hh.data[first + i] = (sum.bias_hh.data[first + i] as number) + d;
  });
}

const rnn: Cell = (_, weights, gates, input, hPrev, cPrev) => {
  const z = plus(input, recurrentOf(weights, hPrev));
  const h = Float64Array.from(rnnGeneralForward(z, gates));
  return {
    h,
    c: cPrev,
    backward(dy, dc, sum) {
      const dh = new Float64Array(dy.length);
      const dz = Float64Array.from(rnnGeneralBackward({ z, h, dy, dh }, gates));
      addRecurrent(sum, 0, dz, hPrev);
      return { dz, dh: timesTransposed(weights.weight_hh, dz), dc };
    },
  };
};

const lstm: Cell = ({ coupled = false }, weights, gates, input, hPrev, cPrev) => {
  const { weight_hh, peephole, weight_hr } = weights;
  const step = { m: 1, na: cPrev.length, coupled, peepholes: peephole?.data, cPrev };
  const { rows, c, h } = lstmGeneralForward(step, plus(input, recurrentOf(weights, hPrev)), gates);
  return {
    h: weight_hr ? times(weight_hr, h) : h,
    c,
    backward(dOut, dc, sum) {
      if (sum.weight_hr) addOuter(sum.weight_hr, 0, dOut, h);
      const dy = weight_hr ? timesTransposed(weight_hr, dOut) : dOut;
      const reaching = { rows, c, dy, dh: new Float64Array(c.length), dc };
      const { dz, dcPrev, dpeepholes } = lstmGeneralBackward(step, reaching, gates);
      addRecurrent(sum, 0, dz, hPrev);
      sum.peephole?.data.set(plus(sum.peephole.data, dpeepholes));
      return { dz, dh: timesTransposed(weight_hh, dz), dc: dcPrev };
    },
  };
};

const thirds = (x: Numbers): [Numbers, Numbers, Numbers] => {
  const na = x.length / 3;
  return [x.slice(0, na), x.slice(na, 2 * na), x.slice(2 * na)];
};

const gru: Cell = ({ before = false }, weights, gates, input, hPrev, cPrev) => {
  const na = hPrev.length;
  const { weight_hh, bias_hh } = weights;
  const step: GruStep = { m: 1, na, before, hPrev };
  const ofN = part(weight_hh, 2 * na, 3 * na);
  const [r, z, n] = thirds(input);
  const [rh, zh, q] = thirds(recurrentOf(weights, hPrev));
  const own = before ? plus(n, bias_hh.data.slice(2 * na)) : n;
  const pre = concat(own, plus(r, rh), plus(z, zh), q, new Float64Array(3 * na));
  const reset = gruResetForward(step, pre, gates);
  const resetH = reset.slice(3 * na, 4 * na);
  if (before) reset.set(plus(reset.slice(0, na), times(ofN, resetH)));
  const { rows, h } = gruOutputForward(step, reset, gates);
  return {
    h,
    c: cPrev,
    backward(dy, dc, sum) {
      let made = gruOutputBackward(step, { rows, dy, dh: new Float64Array(na) }, gates);
      const dn = made.dz.slice(0, na);
      if (before) {
        const dq = timesTransposed(ofN, dn);
        made = gruResetBackward(step, { rows, dq, ...made }, gates);
      }
      const gated = made.dz.slice(na, 3 * na);
      const dq = before ? dn : made.dz.slice(3 * na);
      addRecurrent(sum, 0, gated, hPrev);
      addRecurrent(sum, 2 * na, dq, before ? resetH : hPrev);
      let dh = plus(made.dh, timesTransposed(part(weight_hh, 0, 2 * na), gated));
      if (!before) dh = plus(dh, timesTransposed(ofN, dq));
      return { dz: concat(gated, dn), dh, dc };
    },
  };
};

const CELLS: Record<RecurrentOptions["cell"], Cell> = { rnn, lstm, gru };

/** A layer in one direction over a sequence, and the way back. */
export interface Recurrent {
  /** (T, nh). */
  readonly y: Tensor;
  /** The state after the last step. */
  readonly h: Numbers;
  readonly c: Numbers;
  /** dy is (T, nh); `dcLast` and `dhLast` reach the state after the last step from beyond. */
  backward(
    dy: Tensor,
    dcLast?: Numbers,
    dhLast?: Numbers,
  ): { dx: Tensor; dh0: Numbers; dc0: Numbers; dweights: RecurrentWeights };
}

/** x is (T, nx); h0 (nh) and the LSTM's c0 (na). */
export function recurrentForward(
  options: RecurrentOptions,
  weights: RecurrentWeights,
  x: Tensor,
  h0: Numbers,
  c0: Numbers = NONE,
): Recurrent {
  const [T, nx, nh] = [extent(x, 0), extent(x, 1), h0.length];
  const gates = gatesOf(options.activations, options.clip);
  const { weight_ih, bias_ih } = weights;
  const inputs = Array.from({ length: T }, (_, t) => x.data.slice(t * nx, (t + 1) * nx));
  const steps: Step[] = [];
  let [hLast, cLast] = [h0, c0];
  const y = zeros(T, nh);
  for (const [t, input] of inputs.entries()) {
    const z = plus(times(weight_ih, input), bias_ih.data);
    const step = CELLS[options.cell](options, weights, gates, z, hLast, cLast);
    steps.push(step);
    [hLast, cLast] = [step.h, step.c];
    y.data.set(hLast, t * nh);
  }

  function backward(
    dy: Tensor,
    dcLast: Numbers = new Float64Array(c0.length),
    dhLast: Numbers = new Float64Array(nh),
  ) {
    const dx = zeros(T, nx);
    const dweights = Object.fromEntries(
      Object.entries(weights).map(([name, { shape }]) => [name, zeros(...shape)]),
    ) as unknown as RecurrentWeights;
    let [dh, dc]: [Numbers, Numbers] = [dhLast, dcLast];
    for (let t = T - 1; t >= 0; t--) {
      const all = plus(dh, dy.data.slice(t * nh, (t + 1) * nh));
      const made = (steps[t] as Step).backward(all, dc, dweights);
      [dh, dc] = [made.dh, made.dc];
      addOuter(dweights.weight_ih, 0, made.dz, inputs[t] as Numbers);
      dweights.bias_ih.data.set(plus(dweights.bias_ih.data, made.dz));
      dx.data.set(timesTransposed(weight_ih, made.dz), t * nx);
    }
    return { dx, dh0: dh, dc0: dc, dweights };
  }
  return { y, h: hLast, c: cLast, backward };
}
