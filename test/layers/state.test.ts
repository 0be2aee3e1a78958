import { describe, expect, it } from "vitest";
import { createRecurrent, StateError } from "../../src/index.js";
import { coreOf } from "../../src/wasm/engine.js";
import { expectSame } from "../support/compare.js";
import { engines, vacancies } from "../support/engines.js";
import { expectError } from "../support/errors.js";
import { cellNames, layerOf, layerWeights, randomWeights } from "../support/layers.js";
import { randomTensor, uniform } from "../support/random.js";
import type { Tensor } from "../support/subject.js";

const [nx, na, m, T] = [3, 5, 4, 6];

describe.each(engines)("a layer on the $name", ({ engine }) => {
  describe.each(cellNames)("%s", (cell) => {
    const next = uniform(3);
    const weights = randomWeights(next, cell, nx, na);
    const other = randomWeights(next, cell, nx, na);
    const x = randomTensor(next, T, m, nx);
    const dy = randomTensor(next, T, m, na);
    const [h, c] = [randomTensor(next, 1, m, na), randomTensor(next, 1, m, na)];
    const parts = cell === "lstm" ? { h, c } : { h };
    const zero: Tensor = { shape: [1, m, na], data: new Float64Array(m * na) };

    it("a new state is zero; write sets the parts it gets, read returns copies", () => {
      const layer = layerOf(engine, cell, weights);
      const state = layer.createState(m);
      expect(state.m).toBe(m);
      expectSame({ ...state.read() }, cell === "lstm" ? { h: zero, c: zero } : { h: zero });
      state.write(parts);
      expectSame({ ...state.read() }, parts);
      state.read().h.data.fill(9);
      expectSame({ ...state.read() }, parts);
      state.write({ h: zero });
      expectSame({ ...state.read() }, { ...parts, h: zero });
      state.write({});
      expectSame({ ...state.read() }, { ...parts, h: zero });
      for (const made of [state, layer]) made.dispose();
    });

    it("a write that throws has written nothing", () => {
      const layer = layerOf(engine, "lstm", randomWeights(uniform(1), "lstm", nx, na));
      const state = layer.createState(m);
      const wrong = { shape: [1, m, na + 1], data: new Float64Array(m * (na + 1)) };
      expect(() => state.write({ h, c: wrong })).toThrow(RangeError);
      expectSame({ ...state.read() }, { h: zero, c: zero });
      for (const made of [state, layer]) made.dispose();
    });

    it("a clone has the same content and is independent", () => {
      const layer = layerOf(engine, cell, weights);
      const state = layer.createState(m);
      state.write(parts);
      const copy = state.clone();
      const { y } = layer.forward(x, state);
      expectSame({ ...copy.read() }, parts);
      expectSame({ y: layer.forward(x, copy).y }, { y });
      expectSame({ ...copy.read() }, { ...state.read() });
      state.dispose();
      expectSame({ h: layer.forward(x, copy).state.read().h }, { h: copy.read().h });
      for (const made of [copy, layer]) made.dispose();
    });

    it("forward advances a given state in place and returns it; without one it begins at zero", () => {
      const layer = layerOf(engine, cell, weights);
      const state = layer.createState(m);
      const result = layer.forward(x, state);
      expect(result.state).toBe(state);
      expect(result).not.toHaveProperty("tape");
      const fresh = layer.forward(x);
      expectSame({ y: fresh.y }, { y: result.y });
      expectSame({ ...fresh.state.read() }, { ...state.read() });
      for (const made of [state, fresh.state, layer]) made.dispose();
    });

    it("out is written and returned", () => {
      const layer = layerOf(engine, cell, weights);
      const out: Tensor = {
        shape: [T, m, na],
        data: new Float64Array(T * m * na).fill(Number.NaN),
      };
      const { y, state } = layer.forward(x, undefined, { out });
      expect(y).toBe(out);
      const wanted = layer.forward(x);
      expectSame({ y }, { y: wanted.y });
      for (const made of [state, wanted.state, layer]) made.dispose();
    });

    it("step returns one tensor per state, written anew by each step", () => {
      const layer = layerOf(engine, cell, weights);
      const [one, two] = [layer.createState(m), layer.createState(m)];
      const xt: Tensor = { shape: [m, nx], data: x.data.slice(0, m * nx) };
      const first = layer.step(xt, one);
      expect(first.shape).toEqual([m, na]);
      expect(layer.step(xt, two)).not.toBe(first);
      const before = first.data.slice();
      expect(layer.step(xt, one)).toBe(first);
      expect(first.data).not.toEqual(before);
      expectSame({ h: { ...first, shape: [1, m, na] } }, { h: one.read().h });
      for (const made of [one, two, layer]) made.dispose();
    });

    it("a step finds its memory after linear memory has grown, 0 bits of difference", () => {
      const layer = layerOf(engine, cell, weights);
      const [calm, moved] = [layer.createState(m), layer.createState(m)];
      const xt: Tensor = { shape: [m, nx], data: x.data.slice(0, m * nx) };
      for (const state of [calm, moved]) layer.step(xt, state);
      const wanted = layer.step(xt, calm).data.slice();
      const { growth } = coreOf(engine).arena;
      coreOf(engine).arena.allocate(engine.memory().bytes).release();
      expect(coreOf(engine).arena.growth).toBeGreaterThan(growth);
      expectSame({ h: layer.step(xt, moved) }, { h: { shape: [m, na], data: wanted } });
      for (const made of [calm, moved, layer]) made.dispose();
    });

    it("states and tapes survive load: the state continues, the tape keeps its weights", () => {
      const [layer, second] = [layerOf(engine, cell, weights), layerOf(engine, cell, other)];
      const { state, tape } = layer.forward(x, undefined, { keepTape: true });
      if (tape === undefined) throw new Error("no tape");
      const gradients = layer.backward(dy, tape);
      const before = state.read();
      layer.load(layerWeights(other));
      expectSame({ ...state.read() }, { ...before });
      expectSame({ ...layer.backward(dy, tape).gradients }, { ...gradients.gradients });
      const there = second.createState(m);
      there.write(before);
      expectSame({ y: layer.forward(x, state).y }, { y: second.forward(x, there).y });
      layer.dispose();
      // Both outlive the layer too.
      expectSame({ ...state.read() }, { ...there.read() });
      for (const made of [state, there, tape, second]) made.dispose();
    });

    it("the same tape backward twice gives the same bits, another pass between them", () => {
      const layer = layerOf(engine, cell, weights);
      const { state, tape } = layer.forward(x, undefined, { keepTape: true });
      if (tape === undefined) throw new Error("no tape");
      const flat = ({ dx, dState, gradients }: ReturnType<typeof layer.backward>) => {
        return { dx, ...dState, ...gradients };
      };
      const first = flat(layer.backward(dy, tape, parts));
      layer.forward(x, state);
      layer.backward(dy, tape);
      expectSame(flat(layer.backward(dy, tape, parts)), first);
      for (const made of [state, tape, layer]) made.dispose();
    });

    it("dispose frees every byte, once; later calls throw a StateError", () => {
      const before = vacancies(engine);
      const layer = layerOf(engine, cell, weights);
      const { state, tape } = layer.forward(x, undefined, { keepTape: true });
      if (tape === undefined) throw new Error("no tape");
      layer.backward(dy, tape);
      for (const made of [tape, state]) {
        made.dispose();
        made.dispose();
      }
      expectError(() => state.read(), StateError, "read: the state is disposed");
      expect(() => state.clone()).toThrow(StateError);
      expect(() => state.write({})).toThrow(StateError);
      expectError(() => layer.forward(x, state), StateError, "forward: the state is disposed");
      expectError(() => layer.backward(dy, tape), StateError, "backward: the tape is disposed");
      layer.dispose();
      layer.dispose();
      expectError(() => layer.forward(x), StateError, "forward: the layer is disposed");
      expectError(() => layer.load(layerWeights(weights)), StateError, "load: …");
      expectError(() => layer.createState(1), StateError, "createState: …");
      expect(vacancies(engine)).toEqual(before);
    });
  });

  it("a layer without weights throws a StateError", () => {
    const layer = createRecurrent(engine, { cell: "rnn", inputSize: nx, hiddenSize: na });
    const x = { shape: [1, m, nx], data: new Float64Array(m * nx) };
    expectError(() => layer.forward(x), StateError, "forward: no weights: call load first");
    const state = layer.createState(m);
    expectError(() => layer.step(x, state), StateError, "step: …");
    state.dispose();
  });
});
