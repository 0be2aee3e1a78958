import { describe, expect, it } from "vitest";
import { createEngineSync, type Engine } from "../../src/index.js";
import type { Kernels, NumberType } from "../../src/wasm/abi.js";
import { coreOf } from "../../src/wasm/engine.js";
import { drawNetwork, type Kind, open } from "../support/networks.js";

// A ragged batch costs the sum of its lengths, not batch × longest: rows are counted, not time.

/** An engine that counts the rows of every product and of every step's gates. */
function counting(): { engine: Engine; rows: { products: number; gates: number; back: number } } {
  const engine = createEngineSync();
  const rows = { products: 0, gates: 0, back: 0 };
  const core = coreOf(engine);
  const { kernels } = core;
  const counted: Kernels = {
    ...kernels,
    gemm_packed(...operands) {
      rows.products += operands[0];
      kernels.gemm_packed(...operands);
    },
    lstm_gates_forward(...operands) {
      rows.gates += operands[0];
      kernels.lstm_gates_forward(...operands);
    },
    gru_gates_forward(...operands) {
      rows.gates += operands[0];
      kernels.gru_gates_forward(...operands);
    },
    gru_gates_backward(...operands) {
      rows.back += operands[0];
      kernels.gru_gates_backward(...operands);
    },
    lstm_gates_backward(...operands) {
      rows.back += operands[0];
      kernels.lstm_gates_backward(...operands);
    },
  };
  const width = core.numberType.bind(core);
  Object.defineProperty(core, "kernels", { value: counted });
  core.numberType = (precision): NumberType => ({ ...width(precision), kernels: counted });
  return { engine, rows };
}

const lengths = [1, 40, 0, 3, 2, 17, 0, 5];
const N = 68;

const kinds: readonly (readonly [name: string, kind: Kind, passes: number, products: number])[] = [
  ["lstm", { cell: "lstm" }, 1, 2],
  ["lstm, two layers of two directions", { cell: "lstm", layers: 2, bidirectional: true }, 4, 2],
  ["lstm with a projection, reverse", { cell: "lstm", projected: true, reverse: true }, 1, 3],
  ["gru, two directions", { cell: "gru", bidirectional: true }, 2, 2],
];

describe("a ragged batch of 8 sequences, 68 steps in all, 40 in the longest", () => {
  it.each(kinds)("%s: 68 rows of gates in each of %3$i passes", (_, kind, passes, products) => {
    const { engine, rows } = counting();
    const drawn = drawNetwork(kind, { nx: 3, na: 5, lengths }, 1);
    const network = open(engine, drawn);
    network.forward(drawn.sequences).state.dispose();
    expect(rows).toEqual({ products: products * passes * N, gates: passes * N, back: 0 });
    const { tape, state } = network.forward(drawn.sequences, undefined, { keepTape: true });
    if (tape === undefined) throw new Error("no tape");
    expect(rows.gates).toBe(2 * passes * N);
    network.backward(drawn.dOutputs, tape);
    expect(rows.back).toBe(passes * N);
    for (const made of [tape, state, network]) made.dispose();
  });
});
