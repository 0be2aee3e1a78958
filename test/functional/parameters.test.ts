import { describe, expect, it } from "vitest";
import { coreOf } from "../../src/wasm/engine.js";
import { float64 } from "../../src/wasm/kernel_sets.js";
import { cells, draw, type Pass, type Tensors } from "../support/cells.js";
import { expectSame } from "../support/compare.js";
import { type EngineSubject, subjectOf, vacancies } from "../support/engines.js";

const sizes = { nx: 5, na: 9, ny: 3, m: 2, T: 4 };

/** An engine of its own, and how often it packed a matrix. */
function counting(): { on: EngineSubject; packed: () => number } {
  const on = subjectOf("engine");
  const { kernels } = float64(coreOf(on.engine));
  const { pack_panels } = kernels;
  let count = 0;
  kernels.pack_panels = (...values) => {
    count++;
    pack_panels(...values);
  };
  return { on, packed: () => count };
}

/** Wh, Wx and the output layer. */
const MATRICES = 3;

describe.each(cells)("$name: parameters are packed once", (cell) => {
  const fresh = () => {
    const drawn = draw(cell, sizes, 11);
    const { on, packed } = counting();
    const { x, initial, parameters, da, targets } = drawn;
    const run = () => cell.run(on, x, initial, parameters);
    const gradients = (pass: Pass): Tensors => ({
      ...pass.backward(da),
      ...pass.loss(targets).gradients,
    });
    /** What an engine that never saw these parameters gives. */
    const unseen = (): Tensors => {
      const pass = cell.run(subjectOf("another"), x, initial, parameters);
      return { ...pass.outputs, ...gradients(pass) };
    };
    return { on, packed, run, gradients, unseen, parameters, drawn };
  };

  it("the second call with the same object packs nothing, by any function", () => {
    const { on, packed, run, drawn, parameters } = fresh();
    run().dispose();
    expect(packed()).toBe(MATRICES);
    const before = vacancies(on.engine);
    for (let i = 0; i < 100; i++) run().dispose();
    const xt = { shape: [sizes.nx, sizes.m], data: drawn.x.data.slice(0, sizes.nx * sizes.m) };
    expect(vacancies(on.engine)).toEqual(before);
    cell.step(on, xt, drawn.initial, parameters);
    expect(packed()).toBe(MATRICES);
  });

  it("a second backward packs no weights either", () => {
    const { packed, run, gradients } = fresh();
    const pass = run();
    gradients(pass);
    const first = packed();
    gradients(pass);
    const second = packed();
    gradients(pass);
    // What is left are the operands of the weights' gradients: as many each time, fewer than the first time.
    expect(packed() - second).toBe(second - first);
    expect(second - first).toBe(first - MATRICES - 3);
    pass.dispose();
  });

  it("a tensor replaced by another one is noticed, whichever it is: the new tensor's bits", () => {
    const { packed, run, gradients, unseen, parameters } = fresh();
    run().dispose();
    const names = Object.keys(parameters);
    names.forEach((name, i) => {
      const { shape, data } = parameters[name] as NonNullable<Tensors[string]>;
      parameters[name] = { shape, data: data.map((value) => value + 0.25) };
      const pass = run();
      expect(packed()).toBe(MATRICES * (i + 2));
      expectSame(pass.outputs, outputsOf(unseen()));
      pass.dispose();
    });
    const pass = run();
    expectSame({ ...pass.outputs, ...gradients(pass) }, unseen());
    pass.dispose();
  });

  it("numbers changed in place count from parametersChanged on, bit for bit", () => {
    const { on, run, unseen, parameters } = fresh();
    const before = run();
    for (const { data } of Object.values(parameters))
      data.forEach((value, i) => {
        data[i] = value / 2 - 0.125;
      });
    const unaware = run();
    expectSame(unaware.outputs, before.outputs);
    on.engine.parametersChanged(parameters);
    const aware = run();
    expectSame(aware.outputs, outputsOf(unseen()));
    for (const pass of [before, unaware, aware]) pass.dispose();
  });

  it("caches keep the weights that their forward saw, bit for bit", () => {
    const { on, run, gradients, parameters } = fresh();
    const copies = Object.fromEntries(
      Object.entries(parameters).map(([name, { shape, data }]) => [
        name,
        { shape, data: data.slice() },
      ]),
    );
    const pass = run();
    const wanted = gradients(pass);
    for (const { data } of Object.values(parameters)) data.fill(3);
    on.engine.parametersChanged(parameters);
    run().dispose();
    const old = run();
    expectSame(gradients(pass), wanted);
    const cache = pass.at(1) as { parameters: Tensors };
    expectSame(cache.parameters, copies);
    old.dispose();
    pass.dispose();
  });

  it("two objects that share their tensors are two models", () => {
    const { on, packed, parameters, drawn } = fresh();
    const [one, other] = [{ ...parameters }, { ...parameters }];
    for (let i = 0; i < 2; i++) {
      for (const each of [one, other]) cell.run(on, drawn.x, drawn.initial, each).dispose();
    }
    expect(packed()).toBe(2 * MATRICES);
  });
});

const OUTPUTS = ["a", "c", "y"];
const outputsOf = (tensors: Tensors): Tensors =>
  Object.fromEntries(Object.entries(tensors).filter(([name]) => OUTPUTS.includes(name)));
