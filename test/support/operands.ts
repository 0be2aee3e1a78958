import * as recurra from "../../src/index.js";
import { randomGru, randomLstm, randomRnn, randomTensor, uniform } from "./random.js";

/** Every operand of every function, right in kind and shape. */
export function goodOperands() {
  const [nx, na, ny, m, T] = [3, 5, 2, 4, 7];
  const engine = recurra.createEngineSync();
  const next = uniform(1);
  const [rnn, lstm] = [randomRnn(next, { nx, na, ny }), randomLstm(next, { nx, na, ny })];
  const gru = randomGru(next, { nx, na, ny });
  const xt = randomTensor(next, nx, m);
  const x = randomTensor(next, nx, m, T);
  const [a, c] = [randomTensor(next, na, m), randomTensor(next, na, m)];
  return {
    ...{ engine, rnn, lstm, gru, x, xt, a0: a, c0: c, aPrev: a, cPrev: c },
    ...{ da: randomTensor(next, na, m, T), daNext: a, dcNext: c, dcLast: c },
    targets: Array.from({ length: m }, (_, b) => Array.from({ length: T }, (_, t) => (b + t) % ny)),
    reduction: "mean" as "mean" | "sum",
    rnnCache: recurra.rnnCellForward(engine, xt, a, rnn).cache,
    rnnCaches: recurra.rnnForward(engine, x, a, rnn).caches,
    lstmCache: recurra.lstmCellForward(engine, xt, a, c, lstm).cache,
    lstmCaches: recurra.lstmForward(engine, x, a, lstm).caches,
    gruCache: recurra.gruCellForward(engine, xt, a, gru).cache,
    gruCaches: recurra.gruForward(engine, x, a, gru).caches,
  };
}

export type Operands = ReturnType<typeof goodOperands>;

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

interface Made {
  dispose(): void;
}

const isTensor = (entry: [string, unknown]): entry is [string, recurra.Tensor] =>
  (entry[1] as Partial<recurra.Tensor>).data instanceof Float64Array;

/** The bits of everything that all functions give, as text. */
export function everyBit(operands: Operands): string {
  const parts = Object.values(calls).map((call) => {
    const result: object = call(operands);
    const { cache, caches } = result as { cache?: Made; caches?: Made };
    const text = Object.entries(result)
      .filter(isTensor)
      .map(([name, { data }]) => name + new BigUint64Array(data.buffer).join());
    cache?.dispose();
    caches?.dispose();
    return text;
  });
  return parts.flat().join();
}
