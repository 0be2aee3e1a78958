import { describe, expect, it } from "vitest";
import {
  createEngineSync,
  type Engine,
  EngineMemoryError,
  type LayerWeights,
} from "../../src/index.js";
import { coreOf } from "../../src/wasm/engine.js";
import { expectSame } from "../support/compare.js";
import { drawNetwork, type Kind, listed, open, startOf } from "../support/networks.js";
import type { Tensor } from "../support/subject.js";

// Memory that ends in the middle of a call, at each of its allocations in turn; and memory that grows inside one.

const MIB = 2 ** 20;

const kinds: readonly (readonly [name: string, kind: Kind])[] = [
  ["rnn, reverse", { cell: "rnn", reverse: true }],
  ["lstm, two layers", { cell: "lstm", layers: 2 }],
  [
    "lstm, all options, two layers of two directions",
    { cell: "lstm", layers: 2, bidirectional: true, projected: true, peepholes: true, clip: 3 },
  ],
  ["gru, reset before, two directions", { cell: "gru", bidirectional: true, resetAfter: false }],
];

/** Where the last block in use ends. */
function end(engine: Engine): number {
  const block = coreOf(engine).arena.allocate(MIB / 2);
  block.release();
  return block.pointer;
}

/** Where a block of that size would go, if there is room for one. */
function placeFor(bytes: number, engine: Engine): number | undefined {
  try {
    const block = coreOf(engine).arena.allocate(bytes);
    block.release();
    return block.pointer;
  } catch {
    return undefined;
  }
}

const lengths = [3, 0, 5, 2];

/** A network with its operands, and the calls by name; each returns its results. */
function opened(kind: Kind, engine: Engine, size = { nx: 3, na: 5, lengths }) {
  const drawn = drawNetwork(kind, size, 3);
  const network = open(engine, drawn);
  const state = startOf(network, drawn);
  const { tape } = network.forward(drawn.sequences, undefined, { keepTape: true });
  if (tape === undefined) throw new Error("no tape");
  const { sequences, dOutputs, dState, weights } = drawn;
  const calls = {
    load: () => {
      network.load(weights as LayerWeights);
      return {};
    },
    createState: () => {
      network.createState(4).dispose();
      return {};
    },
    clone: () => {
      state.clone().dispose();
      return {};
    },
    "forward from zeros": () => {
      const made = network.forward(sequences);
      made.state.dispose();
      return listed("y", made.outputs);
    },
    "forward from a state": () => listed("y", network.forward(sequences, state).outputs),
    "forward with a tape": () => {
      const made = network.forward(sequences, state, { keepTape: true });
      made.tape?.dispose();
      return listed("y", made.outputs);
    },
    backward: () => {
      const { dInputs, gradients, dState: d } = network.backward(dOutputs, tape, dState);
      return { ...listed("dx", dInputs), ...gradients, ...d };
    },
  } satisfies Record<string, () => Record<string, Tensor>>;
  return { drawn, network, state, calls };
}

type Call = keyof ReturnType<typeof opened>["calls"];
const names = Object.keys(opened({ cell: "rnn" }, createEngineSync()).calls) as Call[];

describe.each(kinds)("%s", (_, kind) => {
  const there = opened(kind, createEngineSync());
  const wanted = Object.fromEntries(
    names.map((name) => {
      there.state.write(there.drawn.state);
      return [name, there.calls[name]()] as const;
    }),
  );

  it.each(names)("%s: whichever allocation fails, the state and 0 bytes are left", (name) => {
    const engine = createEngineSync({ maximumBytes: MIB });
    const { drawn, state, calls } = opened(kind, engine);
    let failures = 0;
    // From a filler that leaves nothing to one that leaves enough.
    for (let left = 0; ; left += 192) {
      state.write(drawn.state);
      const filler = coreOf(engine).arena.allocate(MIB - end(engine) - left);
      // All that is left, as one block.
      const before = placeFor(left, engine);
      let got: Record<string, Tensor> | undefined;
      try {
        got = calls[name]();
      } catch (error) {
        expect(error).toBeInstanceOf(EngineMemoryError);
        expect(placeFor(left, engine)).toBe(before);
        expectSame({ ...state.read() }, { ...drawn.state });
        failures++;
      }
      filler.release();
      if (got === undefined) continue;
      expectSame(got, wanted[name] as Record<string, Tensor>);
      break;
    }
    expect(failures).toBeGreaterThan(0);
  });

  it("memory that grows inside a call changes 0 bits", () => {
    const size = { nx: 30, na: 40, lengths: [60, 0, 90, 33, 90] };
    const roomy = createEngineSync();
    coreOf(roomy)
      .arena.allocate(16 * MIB)
      .release();
    const calm = opened(kind, roomy, size);
    for (const name of names) {
      const engine = createEngineSync();
      const { calls } = opened(kind, engine, size);
      const at = end(engine);
      const { bytes } = engine.memory();
      if (bytes > at) coreOf(engine).arena.allocate(bytes - at);
      calm.state.write(calm.drawn.state);
      const got: Record<string, Tensor> = calls[name]();
      expectSame(got, calm.calls[name]());
      if (name.startsWith("forward") || name === "backward")
        expect(engine.memory().bytes, name).toBeGreaterThan(bytes);
    }
  });
});
