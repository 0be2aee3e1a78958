import { lstmCell } from "../cells/lstm.js";
import type { WeightArrays } from "../sequence/weights.js";
import { checkShape, type Tensor } from "../tensor.js";
import { Caches, StepCache } from "./caches.js";
import { fillGate, gateBias, gateMatrix } from "./gates.js";
import { checkGate, checkHead, type Naming } from "./parameters.js";

/** The parameters of an LSTM with a softmax output. A gate's matrix has the hidden columns first: [hidden | input]. */
export interface LstmParameters {
  /** Forget gate, (na, na + nx). */
  readonly Wf: Tensor;
  /** (na, 1). */
  readonly bf: Tensor;
  /** Update (input) gate, (na, na + nx). */
  readonly Wi: Tensor;
  /** (na, 1). */
  readonly bi: Tensor;
  /** Candidate, (na, na + nx). */
  readonly Wc: Tensor;
  /** (na, 1). */
  readonly bc: Tensor;
  /** Output gate, (na, na + nx). */
  readonly Wo: Tensor;
  /** (na, 1). */
  readonly bo: Tensor;
  /** Hidden to output, (ny, na). */
  readonly Wy: Tensor;
  /** (ny, 1). */
  readonly by: Tensor;
}

/** The exercise's letters in the engine's gate order i, f, g, o. */
const GATES = ["i", "f", "c", "o"] as const;
export type Gates = Omit<LstmParameters, "Wy" | "by">;

export const lstmNaming: Naming<LstmParameters> = {
  cell: lstmCell,
  names: ["Wf", "bf", "Wi", "bi", "Wc", "bc", "Wo", "bo", "Wy", "by"],
  linear: ["Wy", "by"],

  check(where, parameters) {
    const [na, columns] = checkGate(where, "Wf", parameters.Wf);
    for (const gate of GATES) {
      const W = `W${gate}` as const;
      const b = `b${gate}` as const;
      checkShape(where, W, parameters[W], ["na", "na + nx"], [na, columns], " (from Wf)");
      checkShape(where, b, parameters[b], ["na", "1"], [na, 1], " (from Wf)");
    }
    const ny = checkHead(where, ["Wy", "by"], parameters.Wy, parameters.by, na, " (from Wf)");
    return { nx: columns - na, na, ny };
  },

  fill(parameters, sizes) {
    return (to) => {
      GATES.forEach((gate, g) => {
        fillGate(parameters[`W${gate}`], to, g, g, sizes);
        to.bias.set(parameters[`b${gate}`].data, g * sizes.na);
      });
    };
  },
};

/** The inverse of `fill`, for parameters and their gradients alike. */
export function split(
  arrays: WeightArrays<Float64Array<ArrayBuffer>>,
  sizes: { nx: number; na: number },
): Gates {
  const weight = (g: number): Tensor => gateMatrix(arrays, g, g, sizes);
  const offset = (g: number): Tensor => gateBias(arrays.bias, g, sizes.na);
  return {
    Wf: weight(1),
    bf: offset(1),
    Wi: weight(0),
    bi: offset(0),
    Wc: weight(2),
    bc: offset(2),
    Wo: weight(3),
    bo: offset(3),
  };
}

/**
 * What {@link lstmCellForward} saw: `aNext`, `cNext`, `aPrev`, `cPrev`, `ft`, `it`, `cct`, `ot`, `xt`, `parameters`, in
 * linear memory until `dispose`.
 */
export class LstmCache extends StepCache<LstmParameters> {
  /** c after the step, (na, m). */
  get cNext(): Tensor {
    return this.state("c", 1);
  }

  /** c before the step, (na, m). */
  get cPrev(): Tensor {
    return this.state("c", 0);
  }

  /** The input (update) gate, (na, m). */
  get it(): Tensor {
    return this.block(0);
  }

  /** The forget gate, (na, m). */
  get ft(): Tensor {
    return this.block(1);
  }

  /** The candidate, (na, m). */
  get cct(): Tensor {
    return this.block(2);
  }

  /** The output gate, (na, m). */
  get ot(): Tensor {
    return this.block(3);
  }

  override get parameters(): LstmParameters {
    const { weights, linear } = this.recording.held.model;
    const { W: Wy, bias: by } = linear.tensors();
    return { ...weights.read((arrays) => split(arrays, weights)), Wy, by };
  }
}

/** What {@link lstmForward} saw, step by step, in linear memory until `dispose`. */
export class LstmCaches extends Caches<LstmCache> {
  protected override stepCache(step: number): LstmCache {
    return new LstmCache(this.recording, step, false);
  }
}
