// A model of one LSTM or RNN node.
import type { Sizes, Work } from "../cases/cases.js";
import type { Operands } from "../cases/data.js";
import { bothBiases, constant, model, node, reordered, value } from "./onnx_writer.js";

/** Inputs: X (T, m, nx), for a step also h0 and c0; outputs: Y (T, 1, m, na), for a step h1 and c1 instead. */
export function onnxModel(work: Work, { nx, na, m, T }: Sizes, o: Operands): Uint8Array {
  const [operator, G] = work === "rnn-forward" ? ["RNN", 1] : ["LSTM", 4];
  const step = work === "lstm-step";
  const states = (...names: string[]): Uint8Array[] =>
    names.map((name) => value(name, "float", [1, m, na]));
  const inputs = ["X", "W", "R", "B", ...(step ? ["", "h0", "c0"] : [])];
  const outputs = step ? ["", "h1", "c1"] : ["Y"];
  return model({
    nodes: [node(operator, inputs, outputs, { hidden_size: na })],
    constants: [
      constant("W", [1, G * na, nx], reordered(o.weight_ih, G)),
      constant("R", [1, G * na, na], reordered(o.weight_hh, G)),
      constant("B", [1, 2 * G * na], bothBiases(o.bias_ih, o.bias_hh, G)),
    ],
    inputs: [value("X", "float", [step ? 1 : T, m, nx]), ...(step ? states("h0", "c0") : [])],
    outputs: step ? states("h1", "c1") : [value("Y", "float", [T, 1, m, na])],
  });
}
