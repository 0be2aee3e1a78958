import { type Activation, activationRecord, RECORD_ELEMENTS } from "../../cells/activations.js";
import type { Layout } from "../../sequence/layout.js";
import { ITEM } from "../../wasm/abi.js";
import type { Block } from "../../wasm/arena.js";
import { generalKernels, generalTrainingKernels } from "../../wasm/kernel_sets.js";
import { type TrainedType, viewOf } from "../trained_type.js";
import type { Layer, LayerPass, PassForm } from "./layer.js";

/** A function of each number. */
export class ActivationLayer implements Layer {
  readonly outputs: number;
  readonly #dtype: TrainedType;
  readonly #record: Block;

  constructor(dtype: TrainedType, outputs: number, activation: Activation) {
    const { engine } = dtype;
    this.#dtype = dtype;
    this.outputs = outputs;
    this.#record = engine.arena.allocate(RECORD_ELEMENTS * ITEM);
    // The record has room for three activations; the layer has one.
    const record = activationRecord(Number.POSITIVE_INFINITY, Array(3).fill(activation));
    engine.arena.f64(this.#record.pointer, RECORD_ELEMENTS).set(record);
  }

  release(): void {
    this.#record.release();
  }

  plan(layout: Layout, { rows: capacity }: PassForm): LayerPass {
    const n = this.outputs;
    const record = this.#record.pointer;
    const dtype = this.#dtype;
    const y = layout.take(capacity * n);
    const dx = layout.take(capacity * n);
    const zeros = layout.take(capacity * n);
    // An RNN's gates are what an activation does.
    const { rnn_general_forward } = generalKernels(dtype.engine, dtype.precision);
    const { rnn_general_backward } = generalTrainingKernels(dtype.engine, dtype);
    return {
      scratchBytes: 0,
      forward: ({ segment: { rows } }, x) => {
        rnn_general_forward(rows * n, record, x, y);
        return y;
      },
      backward: ({ segment: { rows } }, x, dy) => {
        viewOf(dtype, zeros, rows * n).fill(0);
        rnn_general_backward(rows * n, record, x, y, dy, zeros, dx);
        return dx;
      },
    };
  }
}
