import { readFileSync } from "node:fs";
import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, it, vi } from "vitest";
import * as recurra from "../../src/index.js";
import { checkTensor, isDetached, isNumbers } from "../../src/tensor.js";
import { allBits, network } from "../support/operands.js";

const net = network({ nx: 3, na: 5, ny: 2, m: 4, T: 3 });
const { createEngineSync, rnnForward, lstmBackward, ShapeError } = recurra;

/** What another realm makes of an expression, as an iframe does or a test runner's sandbox. */
const elsewhere = (expression: string): unknown => runInNewContext(expression);

/** A copy of `value` in which `replace` has changed every Float64Array. */
function cloneWith<V>(value: V, replace: (own: Float64Array) => Float64Array): V {
  if (value instanceof Float64Array) return replace(value) as V;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return value;
  const entries = Object.entries(value).map(([key, each]) => [key, cloneWith(each, replace)]);
  return Object.fromEntries(entries) as V;
}

describe("another copy of the package in one process", () => {
  afterEach(() => vi.resetModules());

  async function anotherCopy(): Promise<typeof recurra> {
    vi.resetModules();
    return import("../../src/index.js");
  }

  it("an engine of it is named as such", async () => {
    const engine = (await anotherCopy()).createEngineSync() as unknown as recurra.Engine;
    expect(() => rnnForward(engine, net.x, net.state, net.rnn)).toThrow(
      new TypeError(
        "rnnForward: engine: expected an engine of createEngine, got Engine of another copy of recurra: two copies are loaded (ESM and CommonJS, or two versions); import one of them only",
      ),
    );
  });

  it("caches of it are named as such; those of another cell in this copy are not", async () => {
    const engine = createEngineSync();
    const other = await anotherCopy();
    const { caches } = other.lstmForward(other.createEngineSync(), net.x, net.state, net.lstm);
    const foreign = caches as unknown as recurra.LstmCaches;
    expect(() => lstmBackward(engine, net.da, foreign)).toThrow(/got LstmCaches of another copy/);
    const own = rnnForward(engine, net.x, net.state, net.rnn).caches as unknown;
    expect(() => lstmBackward(engine, net.da, own as recurra.LstmCaches)).toThrow(/got RnnCaches$/);
  });
});

describe("another realm", () => {
  it("its typed arrays are as good: 0 bits of difference", () => {
    const engine = createEngineSync();
    const wanted = allBits(engine, net);
    let moved = 0;
    const theirs = cloneWith(net, (own) => {
      const data = elsewhere(`new Float64Array(${own.length})`) as Float64Array;
      expect(data).not.toBeInstanceOf(Float64Array);
      data.set(own);
      moved++;
      return data;
    });
    expect(moved).toBe(29);
    expect(allBits(engine, theirs)).toBe(wanted);
  });

  it("its bytes and buffers are as good", () => {
    const file = readFileSync(new URL("../../build/kernels.wasm", import.meta.url));
    const text = JSON.stringify(file.toString("base64"));
    const bytes = `Uint8Array.from(atob(${text}), (letter) => letter.charCodeAt(0))`;
    for (const wasm of [bytes, `${bytes}.buffer`]) {
      const source = runInNewContext(wasm, { atob }) as recurra.WasmSource;
      expect(allBits(createEngineSync({ wasm: source }), net)).toBe(
        allBits(createEngineSync(), net),
      );
    }
  });

  it.each([
    "new Float32Array(3)",
    "[0, 0, 0]",
    "({ length: 3, [Symbol.toStringTag]: 'Float64Array' })",
  ])("%s is no Float64Array", (expression) => {
    const value = { shape: [3], data: elsewhere(expression) as Float64Array };
    expect(() => checkTensor("f", "x", value)).toThrow(TypeError);
  });

  it("an object that only inherits from Float64Array is none", () => {
    expect(isNumbers(Object.create(Float64Array.prototype), Float64Array)).toBe(false);
    expect(isNumbers(new Float32Array(1), Float32Array)).toBe(true);
  });
});

describe("a detached buffer", () => {
  it("is a TypeError that names the operand", () => {
    const data = new Float64Array(6);
    const value = { shape: [2, 3], data };
    expect(isDetached(data)).toBe(false);
    structuredClone(data, { transfer: [data.buffer] });
    expect(isDetached(data)).toBe(true);
    expect(() => checkTensor("f", "x", value)).toThrow(
      new TypeError("f: x: the buffer of its data is detached"),
    );
    expect(() => checkTensor("f", "x", { shape: [2], data: new Float64Array(3) })).toThrow(
      ShapeError,
    );
  });
});

it("a tensor that no host can hold is a RangeError", () => {
  expect(() => recurra.tensor([2 ** 50])).toThrow(
    new RangeError(
      "tensor: shape: the host refused 9007199254740992 bytes for (1125899906842624,)",
    ),
  );
});
