import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import * as recurra from "../../src/index.js";
import { expectError } from "../support/errors.js";
import { allBits, goodOperands } from "../support/operands.js";

// Careless and hostile input that a type checker would refuse, or cannot see.

const good = goodOperands();
const { engine, x, a0, da, rnn, lstm, gru } = good;
const { lstmBackward, lstmForward, softmaxCrossEntropy } = recurra;

describe("options", () => {
  const call = {
    lstmForward: (options: object) => lstmForward(engine, x, a0, lstm, options),
    lstmBackward: (options: object) => lstmBackward(engine, da, good.lstmCaches, options),
    softmaxCrossEntropy: (options: object) =>
      softmaxCrossEntropy(engine, good.lstmCaches, good.targets, options),
  };
  type Name = keyof typeof call;

  it.each<[Name, string, string]>([
    ["lstmForward", "C0", "did you mean c0?"],
    ["lstmForward", "throughTime", "expected one of c0"],
    ["lstmBackward", "throughtime", "did you mean throughTime?"],
    ["lstmBackward", "dclast", "did you mean dcLast?"],
    ["softmaxCrossEntropy", "reductoin", "did you mean reduction?"],
  ])("%s: unknown option %s: %s", (name, option, hint) => {
    const message = `${name}: options: unknown option "${option}": ${hint}`;
    expectError(() => call[name]({ [option]: undefined }), TypeError, message);
  });

  it.each<[Name, unknown]>([
    ["lstmForward", null],
    ["lstmBackward", 3],
    ["softmaxCrossEntropy", "sum"],
  ])("%s: options that are no object, %j", (name, options) => {
    expect(() => call[name](options as object)).toThrow(TypeError);
  });

  it("throughTime that is no boolean", () => {
    const message = "lstmBackward: throughTime: expected a boolean, got string";
    expectError(() => call.lstmBackward({ throughTime: "no" }), TypeError, message);
  });

  it("an option that is undefined is absent", () => {
    const absent = lstmBackward(engine, da, good.lstmCaches);
    const given = lstmBackward(engine, da, good.lstmCaches, {
      throughTime: undefined,
      dcLast: undefined,
    });
    expect(given).toEqual(absent);
  });
});

describe("incomplete parameters", () => {
  const calls = {
    rnn: (parameters: object) => recurra.rnnForward(engine, x, a0, parameters as typeof rnn),
    lstm: (parameters: object) => lstmForward(engine, x, a0, parameters as typeof lstm),
    gru: (parameters: object) => recurra.gruForward(engine, x, a0, parameters as typeof gru),
  };
  const rows = (["rnn", "lstm", "gru"] as const).flatMap((cell) =>
    Object.keys(good[cell]).map((name) => [cell, name] as const),
  );

  it.each(rows)("%sForward without %s names it", (cell, name) => {
    const message = `${cell}Forward: ${name}: expected a tensor { shape, data: Float64Array }, got undefined`;
    const parameters = { ...good[cell], [name]: undefined };
    expectError(() => calls[cell](parameters), TypeError, message);
  });
});

describe("m = 0", () => {
  const T = 2 ** 40;
  const none = (...shape: number[]) => ({ shape, data: new Float64Array(0) });
  const [empty, state] = [none(3, 0, T), none(5, 0)];

  it("T = 2^40 is only a number in a shape: every pass returns at once", () => {
    const passes = [
      recurra.rnnForward(engine, empty, state, rnn),
      lstmForward(engine, empty, state, lstm, { c0: state }),
      recurra.gruForward(engine, empty, state, gru),
    ] as const;
    for (const { a, caches } of passes) {
      expect(a.shape).toEqual([5, 0, T]);
      expect(caches.length).toBe(T);
      expect(caches.x.shape).toEqual([3, 0, T]);
      expect(caches.at(-1).aNext.shape).toEqual([5, 0]);
    }
    const [first, second, third] = passes;
    const gradients = [
      recurra.rnnBackward(engine, none(5, 0, T), first.caches),
      lstmBackward(engine, none(5, 0, T), second.caches),
      recurra.gruBackward(engine, none(5, 0, T), third.caches),
    ];
    for (const { dx, da0, ...others } of gradients) {
      expect([dx.shape, da0.shape]).toEqual([
        [3, 0, T],
        [5, 0],
      ]);
      const numbers = Object.values(others as Record<string, recurra.Tensor>);
      expect(numbers.every(({ data }) => data.every((value) => value === 0))).toBe(true);
    }
    const { loss } = softmaxCrossEntropy(engine, second.caches, []);
    expect(loss).toBe(0);
    for (const { caches } of passes) caches.dispose();
  });

  it("T of 2^31 − 1 and 2^53 − 1 too", () => {
    for (const T of [2 ** 31 - 1, 2 ** 53 - 1]) {
      const { a, caches } = lstmForward(engine, none(3, 0, T), state, lstm);
      expect(a.shape).toEqual([5, 0, T]);
      expect(lstmBackward(engine, none(5, 0, T), caches).dx.shape).toEqual([3, 0, T]);
      caches.dispose();
    }
  });
});

describe("arrays", () => {
  it("of another realm give the same bits", () => {
    const Foreign = runInNewContext("Float64Array") as typeof Float64Array;
    const moved = (value: unknown): unknown => {
      const { shape, data } = value as recurra.Tensor;
      return { shape, data: Foreign.from(data) };
    };
    const all = (tensors: object) =>
      Object.fromEntries(Object.entries(tensors).map(([name, value]) => [name, moved(value)]));
    const { xt, state, c } = good;
    const tensors = { x, xt, state, c, da };
    const foreign = { ...good, ...all(tensors), rnn: all(rnn), lstm: all(lstm), gru: all(gru) };
    expect(allBits(engine, foreign as unknown as typeof good)).toBe(allBits(good.engine, good));
  });

  it("targets of another realm count as Int32Array", () => {
    const ids = good.targets.flat();
    const foreign = runInNewContext(`Int32Array.of(${ids.join()})`) as Int32Array;
    const loss = (targets: Int32Array) => softmaxCrossEntropy(engine, good.rnnCaches, targets).loss;
    expect(loss(foreign)).toBe(loss(Int32Array.from(ids)));
  });

  it("whose buffer is detached are TypeErrors that name the operand", () => {
    const data = x.data.slice();
    structuredClone(data, { transfer: [data.buffer] });
    const message = "lstmForward: x: the buffer of its data is detached";
    const gone = { shape: x.shape, data };
    expectError(() => lstmForward(engine, gone, a0, lstm), TypeError, message);
    const Wc = { shape: lstm.Wc.shape, data };
    const named = new TypeError("lstmForward: Wc: the buffer of its data is detached");
    expect(() => lstmForward(engine, x, a0, { ...lstm, Wc })).toThrow(named);
  });
});
