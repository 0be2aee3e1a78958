import { describe, expect, it } from "vitest";
import type { Recurrent } from "../../src/index.js";
import { expectNear, expectSame } from "../support/compare.js";
import { engines } from "../support/engines.js";
import {
  type Drawn,
  drawNetwork,
  type Kind,
  listed,
  open,
  partOf,
  pickPart,
  shapes,
  startOf,
} from "../support/networks.js";
import type { Tensor } from "../support/subject.js";

// Batches of sequences of any lengths. Sizes below, at and above the tiles; lengths that fall, rise, are equal or 0.
const [nx, na] = [5, 9];
const BATCHES: readonly (readonly number[])[] = [
  [3, 6, 0, 1, 5, 6, 2],
  [4, 4, 4],
  [0, 0],
  [7],
  [0, 9, 0],
  [],
];
const LENGTHS = BATCHES[0] as readonly number[];

// A weight's gradient is a sum over 23 rows, taken here sequence by sequence: 23·2^−53 = 3e-15, and what cancels is a
// hundred times larger than what is left (test/support/compare.ts).
const BOUND = 1e-12;

/** All that a forward and a backward pass give. */
function everything(network: Recurrent, drawn: Drawn) {
  const state = startOf(network, drawn);
  const { outputs, tape } = network.forward(drawn.sequences, state, { keepTape: true });
  if (tape === undefined) throw new Error("no tape");
  const { dInputs, dState, gradients } = network.backward(drawn.dOutputs, tape, drawn.dState);
  const { h, c } = state.read();
  for (const made of [tape, state]) made.dispose();
  return { outputs, h, c, dInputs, dh: dState.h, dc: dState.c, gradients };
}

const sum = (all: readonly Tensor[]): Tensor => {
  const [first] = all as [Tensor];
  const data = first.data.map((_, i) =>
    all.reduce((total, each) => total + (each.data[i] ?? 0), 0),
  );
  return { shape: first.shape, data };
};

describe.each(engines)("ragged batches on the $name", ({ engine }) => {
  it.each(shapes)(
    `$name: each sequence as if alone, forward and backward, bit for bit; weights' gradients sum up, to ${BOUND}`,
    ({ kind }) => {
      for (const lengths of BATCHES) {
        const drawn = drawNetwork(kind, { nx, na, lengths }, 11);
        const network = open(engine, drawn);
        const whole = everything(network, drawn);
        const alone = lengths.map((_, b) => everything(network, partOf(drawn, [b])));
        alone.forEach((one, b) => {
          const own = (part: Tensor | undefined) => part && pickPart(part, [b]);
          const { h, c, dh, dc } = whole;
          expectSame(
            { y: one.outputs[0], h: one.h, c: one.c, dx: one.dInputs[0], dh: one.dh, dc: one.dc },
            {
              y: whole.outputs[b],
              h: own(h),
              c: own(c),
              dx: whole.dInputs[b],
              dh: own(dh),
              dc: own(dc),
            },
          );
        });
        const names = Object.keys(whole.gradients) as (keyof typeof whole.gradients)[];
        expect(names.sort()).toEqual(Object.keys(drawn.weights).sort());
        for (const name of alone.length === 0 ? [] : names) {
          const parts = alone.map(({ gradients }) => gradients[name] as Tensor);
          expectNear({ [name]: whole.gradients[name] }, { [name]: sum(parts) }, BOUND);
        }
        network.dispose();
      }
    },
  );

  it.each(shapes)("f32, $name: each sequence as if alone, bit for bit", ({ kind }) => {
    const drawn = drawNetwork(kind, { nx, na, lengths: LENGTHS }, 12);
    const network = open(engine, drawn, "f32");
    const run = (some: Drawn) => {
      const state = network.createState(some.sequences.length);
      const { h, c } = some.state;
      state.write({ h: single(h), ...(c && { c: single(c) }) });
      const { outputs } = network.forward(some.sequences.map(single), state);
      const end = state.read();
      state.dispose();
      return { outputs: outputs.map(double), h: double(end.h), c: end.c && double(end.c) };
    };
    const whole = run(drawn);
    LENGTHS.forEach((_, b) => {
      const one = run(partOf(drawn, [b]));
      const [h, c] = [pickPart(whole.h, [b]), whole.c && pickPart(whole.c, [b])];
      expectSame({ y: one.outputs[0], h: one.h, c: one.c }, { y: whole.outputs[b], h, c });
    });
    network.dispose();
  });

  it.each(shapes)("$name: the same with a tape and without, bit for bit", ({ kind }) => {
    for (const lengths of BATCHES) {
      const drawn = drawNetwork(kind, { nx, na, lengths }, 13);
      const network = open(engine, drawn);
      const [plain, taped] = [startOf(network, drawn), startOf(network, drawn)];
      const without = network.forward(drawn.sequences, plain);
      const { tape, ...kept } = network.forward(drawn.sequences, taped, { keepTape: true });
      expect(without).not.toHaveProperty("tape");
      expectSame(listed("y", without.outputs), listed("y", kept.outputs));
      expectSame({ ...plain.read() }, { ...taped.read() });
      for (const made of [plain, taped, tape, network]) made?.dispose();
    }
  });

  it.each(shapes.filter(({ kind }) => !(kind.reverse || kind.bidirectional)))(
    "$name: two calls with the state carried over are one, bit for bit",
    ({ kind }) => {
      const drawn = drawNetwork(kind, { nx, na, lengths: LENGTHS }, 14);
      const network = open(engine, drawn);
      const [whole, parts] = [startOf(network, drawn), startOf(network, drawn)];
      const { outputs } = network.forward(drawn.sequences, whole);
      // Another place in each sequence: the second batch has another order.
      const cuts = LENGTHS.map((T, b) => (b * 5 + 2) % (T + 1));
      const first = network.forward(
        drawn.sequences.map((x, b) => rows(x, 0, cuts[b] as number)),
        parts,
      );
      const second = network.forward(
        drawn.sequences.map((x, b) => rows(x, cuts[b] as number)),
        parts,
      );
      outputs.forEach((y, b) => {
        const cut = cuts[b] as number;
        expectSame({ y: first.outputs[b] }, { y: rows(y, 0, cut) });
        expectSame({ y: second.outputs[b] }, { y: rows(y, cut) });
      });
      expectSame({ ...parts.read() }, { ...whole.read() });
      for (const made of [whole, parts, network]) made.dispose();
    },
  );

  it.each(shapes)("$name: equal lengths give what one tensor gives, bit for bit", ({ kind }) => {
    const [T, m] = [4, 3];
    const drawn = drawNetwork(kind, { nx, na, lengths: Array(m).fill(T) }, 15);
    const network = open(engine, drawn);
    const [list, dense] = [startOf(network, drawn), startOf(network, drawn)];
    const one = network.forward(drawn.sequences, list, { keepTape: true });
    const other = network.forward(timeMajor(drawn.sequences), dense, { keepTape: true });
    if (one.tape === undefined || other.tape === undefined) throw new Error("no tape");
    expectSame({ y: timeMajor(one.outputs) }, { y: other.y });
    expectSame({ ...list.read() }, { ...dense.read() });
    const left = network.backward(drawn.dOutputs, one.tape, drawn.dState);
    const right = network.backward(timeMajor(drawn.dOutputs), other.tape, drawn.dState);
    expectSame(
      { dx: timeMajor(left.dInputs), ...left.dState, ...left.gradients },
      { dx: right.dx, ...right.dState, ...right.gradients },
    );
    for (const made of [one.tape, other.tape, list, dense, network]) made.dispose();
  });

  it.each(shapes)("$name: T = 0 and m = 0: shapes, and gradients of 0", ({ kind }) => {
    const D = kind.bidirectional ? 2 : 1;
    for (const [T, m] of [
      [0, 3],
      [4, 0],
      [0, 0],
    ] as const) {
      const drawn = drawNetwork(kind, { nx, na, lengths: Array(m).fill(T) }, 16);
      const network = open(engine, drawn);
      const n = D * (drawn.options.projectionSize ?? na);
      const state = startOf(network, drawn);
      const x = { shape: [T, m, nx], data: new Float64Array(0) };
      const { y, tape } = network.forward(x, state, { keepTape: true });
      expect(y).toEqual({ shape: [T, m, n], data: new Float64Array(0) });
      expectSame({ ...state.read() }, { ...drawn.state });
      if (tape === undefined) throw new Error("no tape");
      const { dx, dState, gradients } = network.backward(y, tape, drawn.dState);
      expect(dx.shape).toEqual([T, m, nx]);
      expectSame({ ...dState }, { ...drawn.dState });
      for (const { data } of Object.values<Tensor>({ ...gradients }))
        expect(data.every((d) => d === 0)).toBe(true);
      for (const made of [tape, state, network]) made.dispose();
    }
  });
});

describe.each(engines)("an empty list on the $name", ({ engine }) => {
  it("gives an empty list, an empty state and gradients of 0", () => {
    const kind: Kind = { cell: "lstm", layers: 2, bidirectional: true };
    const network = open(engine, drawNetwork(kind, { nx, na, lengths: [] }, 17));
    const { outputs, state, tape } = network.forward([], undefined, { keepTape: true });
    expect(outputs).toEqual([]);
    expect([state.m, state.read().h.shape]).toEqual([0, [4, 0, na]]);
    if (tape === undefined) throw new Error("no tape");
    const { dInputs, gradients } = network.backward([], tape);
    expect(dInputs).toEqual([]);
    for (const { data } of Object.values<Tensor>({ ...gradients }))
      expect(data.every((d) => d === 0)).toBe(true);
    for (const made of [tape, state, network]) made.dispose();
  });
});

const single = ({ shape, data }: Tensor) => ({ shape, data: Float32Array.from(data) });
const double = ({ shape, data }: { shape: readonly number[]; data: Float32Array }): Tensor => ({
  shape,
  data: Float64Array.from(data),
});

/** Steps `from` … `to` − 1 of (T, n). */
function rows({ shape: [T = 0, n = 0], data }: Tensor, from: number, to = T): Tensor {
  return { shape: [to - from, n], data: data.slice(from * n, to * n) };
}

/** m sequences (T, n) as (T, m, n). */
function timeMajor(sequences: readonly Tensor[]): Tensor {
  const [T = 0, n = 0] = sequences[0]?.shape ?? [];
  const steps = Array.from({ length: T }, (_, t) =>
    sequences.flatMap(({ data }) => [...data.subarray(t * n, (t + 1) * n)]),
  );
  return { shape: [T, sequences.length, n], data: Float64Array.from(steps.flat()) };
}
