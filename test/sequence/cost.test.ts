import { describe, expect, it } from "vitest";
import { createEngineSync, type Engine } from "../../src/index.js";
import { coreOf } from "../../src/wasm/engine.js";
import { float64, trainingKernels } from "../../src/wasm/kernel_sets.js";
import { drawNetwork, type Kind, open } from "../support/networks.js";

// A ragged batch costs the sum of its lengths, not batch × longest: rows are counted, not time.

/** An engine that counts the rows of every product and of every step's gates. */
function counting(): { engine: Engine; rows: { products: number; gates: number; back: number } } {
  const engine = createEngineSync();
  const rows = { products: 0, gates: 0, back: 0 };
  const core = coreOf(engine);
  const { kernels } = float64(core);
  const { gemm_packed, lstm_gates_forward, gru_gates_forward } = kernels;
  Object.assign(kernels, {
    gemm_packed(...operands: Parameters<typeof gemm_packed>) {
      rows.products += operands[0];
      gemm_packed(...operands);
    },
    lstm_gates_forward(...operands: Parameters<typeof lstm_gates_forward>) {
      rows.gates += operands[0];
      lstm_gates_forward(...operands);
    },
    gru_gates_forward(...operands: Parameters<typeof gru_gates_forward>) {
      rows.gates += operands[0];
      gru_gates_forward(...operands);
    },
  });
  // Made after that, it counts products, too.
  const training = trainingKernels(core);
  const { gru_gates_backward, lstm_gates_backward } = training;
  Object.assign(training, {
    gru_gates_backward(...operands: Parameters<typeof gru_gates_backward>) {
      rows.back += operands[0];
      gru_gates_backward(...operands);
    },
    lstm_gates_backward(...operands: Parameters<typeof lstm_gates_backward>) {
      rows.back += operands[0];
      lstm_gates_backward(...operands);
    },
  });
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
