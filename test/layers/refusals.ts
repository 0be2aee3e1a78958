import { expect, it } from "vitest";
import {
  createEngineSync,
  createRecurrent,
  type RecurrentTape,
  ShapeError,
  StateError,
} from "../../src/index.js";
import { firstDifference } from "../support/compare.js";
import { vacancies } from "../support/engines.js";
import { expectError } from "../support/errors.js";
import { layerOf, layerWeights, randomWeights } from "../support/layers.js";
import { randomTensor, uniform } from "../support/random.js";
import type { Tensor } from "../support/subject.js";

/** nx = 3, na = 5, m = 4, T = 7. */
export const [nx, na, m, T] = [3, 5, 4, 7];

/** A layer and every operand of its methods, right in kind and shape. */
export function goodLayer() {
  const engine = createEngineSync();
  const next = uniform(2);
  const weights = randomWeights(next, "lstm", nx, na);
  const layer = layerOf(engine, "lstm", weights);
  const loaded = layerWeights(weights);
  const single = createRecurrent(engine, {
    cell: "lstm",
    inputSize: nx,
    hiddenSize: na,
    precision: "f32",
  });
  single.load(loaded);
  const x = randomTensor(next, T, m, nx);
  const xt = randomTensor(next, m, nx);
  const dy = randomTensor(next, T, m, na);
  const part = randomTensor(next, 1, m, na);
  const state = layer.createState(m);
  const { y, tape, state: end } = layer.forward(x, undefined, { keepTape: true });
  const foreign = layerOf(createEngineSync(), "lstm", weights);
  const foreignTape = foreign.forward(x, undefined, { keepTape: true }).tape;
  return {
    engine,
    layer,
    loaded,
    single,
    x,
    xt,
    dy,
    part,
    state,
    y,
    end,
    foreign,
    tape: tape as RecurrentTape,
    foreignTape,
  };
}

export const of = (...shape: number[]) => ({
  shape,
  data: new Float64Array(shape.reduce((size, extent) => size * extent, 1)),
});
export const asSingle = ({ shape, data }: Tensor) => ({ shape, data: Float32Array.from(data) });
export const type = (message: string) => new TypeError(message);
export const shape = (message: string) => new ShapeError(message);
export const range = (message: string) => new RangeError(message);
export const order = (message: string) => new StateError(message);

/** Values of the wrong kind go in as `never`. */
export const wrong = (value: unknown) => value as never;

/** What is tried, how, and what it throws. */
export type Row = readonly [label: string, call: () => unknown, error: Error];

/** Every row throws an error of that class that says that (… is any text), and leaves nothing allocated; afterwards the layer gives the same bits. */
export function itThrows(good: ReturnType<typeof goodLayer>, rows: readonly Row[]): void {
  const { engine, layer, state, x, y, end } = good;

  it.each(rows)("%s", (_, call, error) => {
    const before = vacancies(engine);
    expectError(call, error.constructor as ErrorConstructor, error.message);
    expect(vacancies(engine)).toEqual(before);
  });

  it("after all of them the layer and the state give the same bits", () => {
    expect(state.read().h.data.every((value) => value === 0)).toBe(true);
    const again = layer.forward(x, state);
    expect(firstDifference(again.y.data, y.data)).toBeUndefined();
    expect(firstDifference(state.read().h.data, end.read().h.data)).toBeUndefined();
  });
}
