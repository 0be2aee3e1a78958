import type { Engine } from "../../src/index.js";
import * as recurra from "../../src/index.js";
import { randomGru, randomLstm, randomRnn, randomTensor, type Sizes, uniform } from "./random.js";

/** An RNN, an LSTM, a GRU and what goes into them, the same at each run; `state` and `c` serve as any (na, m). */
export function network({ m, T, ...sizes }: Sizes & { m: number; T: number }) {
  const { nx, na, ny } = sizes;
  const next = uniform(1);
  const half = () => next() / 2;
  return {
    ...sizes,
    m,
    T,
    rnn: randomRnn(half, sizes),
    lstm: randomLstm(half, sizes),
    gru: randomGru(half, sizes),
    x: randomTensor(next, nx, m, T),
    xt: randomTensor(next, nx, m),
    state: randomTensor(next, na, m),
    c: randomTensor(next, na, m),
    da: randomTensor(next, na, m, T),
    targets: Array.from({ length: m }, (_, b) => Array.from({ length: T }, (_, t) => (b + t) % ny)),
  };
}

export type Network = ReturnType<typeof network>;

/** One recording of each forward function: what the backward functions need. */
export function passes(engine: Engine, { rnn, lstm, gru, x, xt, state, c }: Network) {
  return {
    rnnStep: recurra.rnnCellForward(engine, xt, state, rnn),
    rnnPass: recurra.rnnForward(engine, x, state, rnn),
    lstmStep: recurra.lstmCellForward(engine, xt, state, c, lstm),
    lstmPass: recurra.lstmForward(engine, x, state, lstm, { c0: c }),
    gruStep: recurra.gruCellForward(engine, xt, state, gru),
    gruPass: recurra.gruForward(engine, x, state, gru),
  };
}

/** Every operand of every function, by the functions' names. */
export function operandsOf(engine: Engine, net: Network, made = passes(engine, net)) {
  const { state, c } = net;
  return {
    ...net,
    engine,
    a0: state,
    aPrev: state,
    daNext: state,
    c0: c,
    cPrev: c,
    dcNext: c,
    dcLast: c,
    reduction: "mean" as "mean" | "sum",
    rnnCache: made.rnnStep.cache,
    rnnCaches: made.rnnPass.caches,
    lstmCache: made.lstmStep.cache,
    lstmCaches: made.lstmPass.caches,
    gruCache: made.gruStep.cache,
    gruCaches: made.gruPass.caches,
  };
}

export type Operands = ReturnType<typeof operandsOf>;

/** The same, right in kind and shape: nx = 3, na = 5, ny = 2, m = 4, T = 7. */
export const goodOperands = (): Operands =>
  operandsOf(recurra.createEngineSync(), network({ nx: 3, na: 5, ny: 2, m: 4, T: 7 }));

/** Every function on the operands of its names. */
export const calls = {
  rnnCellForward: (o: Operands) => recurra.rnnCellForward(o.engine, o.xt, o.aPrev, o.rnn),
  rnnForward: (o: Operands) => recurra.rnnForward(o.engine, o.x, o.a0, o.rnn),
  rnnCellBackward: (o: Operands) => recurra.rnnCellBackward(o.engine, o.daNext, o.rnnCache),
  rnnBackward: (o: Operands) => recurra.rnnBackward(o.engine, o.da, o.rnnCaches),
  lstmCellForward: (o: Operands) =>
    recurra.lstmCellForward(o.engine, o.xt, o.aPrev, o.cPrev, o.lstm),
  lstmForward: (o: Operands) => recurra.lstmForward(o.engine, o.x, o.a0, o.lstm, { c0: o.c0 }),
  lstmCellBackward: (o: Operands) =>
    recurra.lstmCellBackward(o.engine, o.daNext, o.dcNext, o.lstmCache),
  lstmBackward: (o: Operands) =>
    recurra.lstmBackward(o.engine, o.da, o.lstmCaches, { dcLast: o.dcLast }),
  gruCellForward: (o: Operands) => recurra.gruCellForward(o.engine, o.xt, o.aPrev, o.gru),
  gruForward: (o: Operands) => recurra.gruForward(o.engine, o.x, o.a0, o.gru),
  gruCellBackward: (o: Operands) => recurra.gruCellBackward(o.engine, o.daNext, o.gruCache),
  gruBackward: (o: Operands) => recurra.gruBackward(o.engine, o.da, o.gruCaches),
  softmaxCrossEntropy: ({ engine, lstmCaches, targets, reduction }: Operands) =>
    recurra.softmaxCrossEntropy(engine, lstmCaches, targets, { reduction }),
};

export type FunctionName = keyof typeof calls;
export const functionNames = Object.keys(calls) as FunctionName[];

/** Every function as a call without operands, the loss once for each cell. */
export function everyFunction(
  engine: Engine,
  net: Network,
  made = passes(engine, net),
): Record<string, () => object> {
  const operands = operandsOf(engine, net, made);
  const { softmaxCrossEntropy, ...others } = calls;
  const losses = (["rnn", "lstm", "gru"] as const).map((cell) => {
    const given = { ...operands, lstmCaches: operands[`${cell}Caches`] as recurra.LstmCaches };
    return [
      `softmaxCrossEntropy, ${cell.toUpperCase()}`,
      () => softmaxCrossEntropy(given),
    ] as const;
  });
  const bound = Object.entries(others).map(([name, call]) => [name, () => call(operands)] as const);
  return Object.fromEntries([...bound, ...losses]);
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
