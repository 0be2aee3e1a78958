import type {
  Engine,
  GruParameters,
  LstmParameters,
  RnnParameters,
  Tensor,
} from "../../src/index.js";
import * as recurra from "../../src/index.js";

export interface Sizes {
  nx: number;
  na: number;
  ny: number;
  m: number;
  T: number;
}

/** An RNN, an LSTM, a GRU and their operands, the same at each run. */
export interface Network extends Sizes {
  rnn: RnnParameters;
  lstm: LstmParameters;
  gru: GruParameters;
  x: Tensor;
  xt: Tensor;
  /** Serves as any (na, m). */
  state: Tensor;
  /** (na, m, T). */
  da: Tensor;
  targets: Int32Array;
}

export function network(sizes: Sizes): Network {
  const { nx, na, ny, m, T } = sizes;
  let state = 1;
  const random = (...shape: number[]): Tensor => {
    const value = recurra.tensor(shape);
    for (let i = 0; i < value.data.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      value.data[i] = state / 2 ** 32;
    }
    return value;
  };
  const [gate, bias] = [() => random(na, na + nx), () => random(na, 1)];
  return {
    ...sizes,
    rnn: {
      Wax: random(na, nx),
      Waa: random(na, na),
      Wya: random(ny, na),
      ba: bias(),
      by: random(ny, 1),
    },
    lstm: {
      ...{ Wf: gate(), bf: bias(), Wi: gate(), bi: bias() },
      ...{ Wc: gate(), bc: bias(), Wo: gate(), bo: bias() },
      ...{ Wy: random(ny, na), by: random(ny, 1) },
    },
    gru: {
      ...{ Wu: gate(), bu: bias(), Wr: gate(), br: bias(), Wc: gate(), bc: bias(), bch: bias() },
      ...{ Wy: random(ny, na), by: random(ny, 1) },
    },
    x: random(nx, m, T),
    xt: random(nx, m),
    state: random(na, m),
    da: random(na, m, T),
    targets: Int32Array.from({ length: m * T }, (_, i) => i % ny),
  };
}

/** One recording of each forward function: what the backward functions need. */
export function passes(engine: Engine, { rnn, lstm, gru, x, xt, state }: Network) {
  return {
    rnnStep: recurra.rnnCellForward(engine, xt, state, rnn),
    rnnPass: recurra.rnnForward(engine, x, state, rnn),
    lstmStep: recurra.lstmCellForward(engine, xt, state, state, lstm),
    lstmPass: recurra.lstmForward(engine, x, state, lstm),
    gruStep: recurra.gruCellForward(engine, xt, state, gru),
    gruPass: recurra.gruForward(engine, x, state, gru),
  };
}

/** Every public function as a call without operands. */
export function everyFunction(
  engine: Engine,
  net: Network,
  { rnnStep, rnnPass, lstmStep, lstmPass, gruStep, gruPass } = passes(engine, net),
): Record<string, () => object> {
  const { rnn, lstm, gru, x, xt, state, da, targets } = net;
  return {
    rnnCellForward: () => recurra.rnnCellForward(engine, xt, state, rnn),
    rnnForward: () => recurra.rnnForward(engine, x, state, rnn),
    rnnCellBackward: () => recurra.rnnCellBackward(engine, state, rnnStep.cache),
    rnnBackward: () => recurra.rnnBackward(engine, da, rnnPass.caches),
    lstmCellForward: () => recurra.lstmCellForward(engine, xt, state, state, lstm),
    lstmForward: () => recurra.lstmForward(engine, x, state, lstm, { c0: state }),
    lstmCellBackward: () => recurra.lstmCellBackward(engine, state, state, lstmStep.cache),
    lstmBackward: () => recurra.lstmBackward(engine, da, lstmPass.caches),
    gruCellForward: () => recurra.gruCellForward(engine, xt, state, gru),
    gruForward: () => recurra.gruForward(engine, x, state, gru),
    gruCellBackward: () => recurra.gruCellBackward(engine, state, gruStep.cache),
    gruBackward: () => recurra.gruBackward(engine, da, gruPass.caches),
    "softmaxCrossEntropy, RNN": () => recurra.softmaxCrossEntropy(engine, rnnPass.caches, targets),
    "softmaxCrossEntropy, LSTM": () =>
      recurra.softmaxCrossEntropy(engine, lstmPass.caches, targets),
    "softmaxCrossEntropy, GRU": () => recurra.softmaxCrossEntropy(engine, gruPass.caches, targets),
  };
}

/** Gives back what a forward function recorded. */
export function disposeOf(result: object): void {
  for (const made of Object.values(result)) {
    if (made instanceof Object && "dispose" in made) made.dispose();
  }
}

/** The bits of every number that a call gave, as one string. */
export function bitsOf(result: object): string {
  const parts = Object.entries(result).map(([name, value]) => {
    const data = typeof value === "number" ? Float64Array.of(value) : value?.data;
    if (!(data instanceof Float64Array)) return "";
    return `${name} ${Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("hex")}\n`;
  });
  return parts.join("");
}

/** The bits of everything that every function gives, computed in `engine`. Leaves nothing but the packed parameters. */
export function allBits(engine: Engine, net: Network): string {
  const made = passes(engine, net);
  const parts = Object.entries(everyFunction(engine, net, made)).map(([name, call]) => {
    const result = call();
    disposeOf(result);
    return `${name}\n${bitsOf(result)}`;
  });
  for (const pass of Object.values(made)) disposeOf(pass);
  return parts.join("");
}
