import { describe, expect, it } from "vitest";
import type { RecurrentTape } from "../../src/index.js";
import { Batch } from "../../src/sequence/batch.js";
import { chunkRows } from "../../src/sequence/forward_plan.js";
import type { Tape } from "../../src/sequence/tape.js";
import { contentOf } from "../../src/wasm/handle.js";
import { expectSame } from "../support/compare.js";
import { engines } from "../support/engines.js";
import { drawNetwork, type Kind, listed, open, startOf } from "../support/networks.js";
import type { Tensor } from "../support/subject.js";

// A pass that keeps nothing runs a batch in chunks of a few steps; with a tape all is one chunk. These are sizes at which a
// chunk ends several times within the batch, and the tape for a measure.

const [nx, na] = [7, 70];

const kinds: readonly Kind[] = [
  { cell: "lstm", layers: 3 },
  { cell: "lstm", layers: 3, bidirectional: true },
  { cell: "lstm", layers: 2, bidirectional: true, projected: true, peepholes: true },
  { cell: "gru", layers: 2, reverse: true },
  { cell: "gru", layers: 2, bidirectional: true, resetAfter: false },
  { cell: "rnn", layers: 3, bidirectional: true },
  { cell: "rnn", layers: 2, bidirectional: true, activations: ["tanh", "softsign"] },
];
const named = kinds.map((kind) => ({ name: Object.values(kind).join(", "), kind }));

const layerDirectionsOf = (tape: RecurrentTape | undefined) =>
  contentOf<Tape>("test", tape as RecurrentTape).stack.layerDirections;

/** m lengths from `most` down to 0 and up again, in no order. */
const lengthsOf = (m: number, most: number): number[] =>
  Array.from({ length: m }, (_, b) => (b * 37 + most) % (most + 1));

// Chunks are TypeScript's affair, whatever the build.
describe.each(engines.slice(0, 1))("around the ends of chunks, on the $name, bit for bit", (on) => {
  const { engine } = on;

  it.each(named)("$name: ragged", ({ kind }) => {
    for (const [m, most] of [
      [23, 40],
      [1, 400],
      [150, 5],
    ] as const) {
      const lengths = lengthsOf(m, most);
      const drawn = drawNetwork(kind, { nx, na, lengths }, m);
      const network = open(engine, drawn);
      const [chunked, taped] = [startOf(network, drawn), startOf(network, drawn)];
      const { outputs } = network.forward(drawn.sequences, chunked);
      const { tape, ...whole } = network.forward(drawn.sequences, taped, { keepTape: true });
      expectSame(listed("y", outputs), listed("y", whole.outputs));
      expectSame({ ...chunked.read() }, { ...taped.read() });
      // The batch does take several chunks.
      const cells = layerDirectionsOf(tape);
      const N = lengths.reduce((sum, T) => sum + T, 0);
      const rows = cells.map((weights) => chunkRows(weights, m, N));
      expect(2 * Math.min(...rows)).toBeLessThan(N);
      for (const made of [chunked, taped, tape, network]) made?.dispose();
    }
  });

  it.each(named)("$name: every number of steps about one chunk and two", ({ kind }) => {
    const m = 16;
    const probe = open(engine, drawNetwork(kind, { nx, na, lengths: [] }, 1));
    const { tape: empty } = probe.forward([], undefined, { keepTape: true });
    const layerDirections = layerDirectionsOf(empty);
    const N = 10_000;
    const rows = layerDirections.map((weights) => chunkRows(weights, m, N));
    const chunk = Math.floor(Math.min(...rows) / m);
    probe.dispose();
    for (const T of [chunk - 1, chunk, chunk + 1, 2 * chunk, 2 * chunk + 1]) {
      const drawn = drawNetwork(kind, { nx, na, lengths: Array(m).fill(T) }, T);
      const network = open(engine, drawn);
      const data = Float64Array.from({ length: T * m * nx }, (_, i) => Math.sin(i));
      const x: Tensor = { shape: [T, m, nx], data };
      const [chunked, taped] = [startOf(network, drawn), startOf(network, drawn)];
      const { y } = network.forward(x, chunked);
      const { tape, ...whole } = network.forward(x, taped, { keepTape: true });
      expectSame({ y }, { y: whole.y });
      expectSame({ ...chunked.read() }, { ...taped.read() });
      for (const made of [chunked, taped, tape, network]) made?.dispose();
    }
  });
});

describe("a batch's steps", () => {
  it("of a run are as many as have the rows, and at least one", () => {
    const batch = Batch.ragged([5, 1, 3, 0, 3]);
    expect(Array.from({ length: 6 }, (_, t) => batch.active(t))).toEqual([4, 3, 3, 1, 1, 0]);
    expect(batch.rows).toBe(12);
    expect([1, 4, 6, 7, 10, 11, 12, 99].map((rows) => batch.lastStep(0, rows))).toEqual([
      1, 1, 1, 2, 3, 4, 5, 5,
    ]);
    expect([1, 3, 4, 5].map((rows) => batch.lastStep(2, rows))).toEqual([3, 3, 4, 5]);
  });
});
