import { type Activation, cornerOf, value } from "./functions.js";

// Whole networks of any kind, one sequence at a time, one number at a time: what PyTorch (projection) and ONNX (functions,
// clip, peepholes, coupled gates, reset before) say of them, written from their texts. Forward only: finite differences are
// its gradients.

/** A vector, or a matrix row by row. */
type Numbers = ArrayLike<number>;

export interface Network {
  readonly cell: "rnn" | "lstm" | "gru";
  readonly nx: number;
  readonly na: number;
  /** The size of h: na, or that of a projection. */
  readonly nh: number;
  readonly layers: number;
  /** For each direction whether it reads from the end. */
  readonly fromEnd: readonly boolean[];
  /** For each direction the functions in ONNX's order: f; f, g; f, g, h. */
  readonly functions: readonly (readonly Activation[])[];
  /** Infinity: none. */
  readonly clip: number;
  readonly resetAfter: boolean;
  readonly peepholes: boolean;
  readonly coupled: boolean;
}

/** Under PyTorch's names; a bias that is not there is 0. */
export type Weights = Readonly<Record<string, Numbers>>;

const at = (x: Numbers, i: number): number => {
  const number = x[i];
  if (number === undefined) throw new RangeError(`[${i}] of ${x.length}`);
  return number;
};

/** W·x, for rows `first` … of W; its columns are as many as x has numbers. */
function times(W: Numbers, x: Numbers, first: number, rows: number): number[] {
  return Array.from({ length: rows }, (_, i) => {
    let sum = 0;
    for (let k = 0; k < x.length; k++) sum += at(W, (first + i) * x.length + k) * at(x, k);
    return sum;
  });
}

/** One direction of one layer. */
interface Direction {
  readonly network: Network;
  readonly f: readonly Activation[];
  readonly weight: (part: string) => Numbers;
}

/** Block `gate` of W·x + b: PyTorch's order of gates. */
function part({ network, weight }: Direction, side: "ih" | "hh", gate: number, x: Numbers) {
  const { na } = network;
  const product = times(weight(`weight_${side}`), x, gate * na, na);
  const bias = weight(`bias_${side}`);
  return product.map((sum, i) => (bias.length === 0 ? sum : sum + at(bias, gate * na + i)));
}

const sum = (a: Numbers, b: Numbers): number[] => Array.from(a, (x, i) => x + at(b, i));

/** f_k of what lies within the clip. */
const through =
  ({ network: { clip }, f }: Direction, k: number) =>
  (x: number): number =>
    value(f[k] as Activation, Math.min(Math.max(x, -clip), clip));

interface State {
  readonly h: Numbers;
  readonly c: Numbers;
}

function rnnStep(on: Direction, x: Numbers, { h, c }: State): State {
  return { h: sum(part(on, "ih", 0, x), part(on, "hh", 0, h)).map(through(on, 0)), c };
}

function gruStep(on: Direction, x: Numbers, { h, c }: State): State {
  const gate = (g: number): number[] =>
    sum(part(on, "ih", g, x), part(on, "hh", g, h)).map(through(on, 0));
  const [r, z] = [gate(0), gate(1)];
  const reset = (v: Numbers): number[] => Array.from(v, (each, i) => at(r, i) * each);
  const hidden = on.network.resetAfter ? reset(part(on, "hh", 2, h)) : part(on, "hh", 2, reset(h));
  const n = sum(part(on, "ih", 2, x), hidden).map(through(on, 1));
  return { h: n.map((each, i) => (1 - at(z, i)) * each + at(z, i) * at(h, i)), c };
}

function lstmStep(on: Direction, x: Numbers, { h, c }: State): State {
  const { na, nh, peepholes, coupled } = on.network;
  const raw = (g: number): number[] => sum(part(on, "ih", g, x), part(on, "hh", g, h));
  const peeping = (z: number[], k: number, memory: Numbers): number[] => {
    const p = on.weight("peephole");
    return peepholes ? z.map((each, i) => each + at(p, k * na + i) * at(memory, i)) : z;
  };
  const i = peeping(raw(0), 0, c).map(through(on, 0));
  const f = coupled ? i.map((each) => 1 - each) : peeping(raw(1), 1, c).map(through(on, 0));
  const g = raw(2).map(through(on, 1));
  const next = f.map((each, j) => each * at(c, j) + at(i, j) * at(g, j));
  const o = peeping(raw(3), 2, next).map(through(on, 0));
  const u = next.map((each, j) => at(o, j) * value(on.f[2] as Activation, each));
  return { h: nh === na ? u : times(on.weight("weight_hr"), u, 0, nh), c: next };
}

const STEPS = { rnn: rnnStep, gru: gruStep, lstm: lstmStep };

/**
 * A sequence through the network.
 *
 * @param x one vector for each step
 * @param states of each pass, layer by layer, in it direction by direction
 * @returns what the highest layer gives, step by step, and the states that are reached
 */
export function runNetwork(
  network: Network,
  weights: Weights,
  x: readonly Numbers[],
  states: readonly State[],
): { y: number[][]; states: State[] } {
  const reached: State[] = [];
  let below: Numbers[] = [...x];
  for (let l = 0; l < network.layers; l++) {
    const sides = network.fromEnd.map((fromEnd, d) => {
      const suffix = `l${l}${d === 1 ? "_reverse" : ""}`;
      const direction: Direction = {
        network,
        f: network.functions[d] as readonly Activation[],
        weight: (name) => weights[`${name}_${suffix}`] ?? [],
      };
      let state = states[reached.length] as State;
      const order = fromEnd ? [...below].reverse() : below;
      const outputs = order.map((input) => {
        state = STEPS[network.cell](direction, input, state);
        return state.h;
      });
      reached.push(state);
      return fromEnd ? outputs.reverse() : outputs;
    });
    below = below.map((_, t) => sides.flatMap((side) => [...Array.from(side[t] as Numbers)]));
  }
  return { y: below.map((row) => [...Array.from(row)]), states: reached };
}
