import { rnnCell } from "../cells/rnn.js";
import type { WeightArrays } from "../sequence/weights.js";
import { checkShape, type Tensor } from "../tensor.js";
import { Caches, StepCache } from "./caches.js";
import { checkHead, checkMatrix, type Naming } from "./parameters.js";

/** The parameters of a tanh RNN with a softmax output. */
export interface RnnParameters {
  /** Input to hidden, (na, nx). */
  readonly Wax: Tensor;
  /** Hidden to hidden, (na, na). */
  readonly Waa: Tensor;
  /** Hidden to output, (ny, na). */
  readonly Wya: Tensor;
  /** (na, 1). */
  readonly ba: Tensor;
  /** (ny, 1). */
  readonly by: Tensor;
}

export const rnnNaming: Naming<RnnParameters> = {
  cell: rnnCell,
  names: ["Wax", "Waa", "ba", "Wya", "by"],
  linear: ["Wya", "by"],

  check(where, { Wax, Waa, Wya, ba, by }) {
    const [na, nx] = checkMatrix(where, "Wax", Wax, "(na, nx)");
    checkShape(where, "Waa", Waa, ["na", "na"], [na, na], " (from Wax)");
    checkShape(where, "ba", ba, ["na", "1"], [na, 1], " (from Wax)");
    return { nx, na, ny: checkHead(where, ["Wya", "by"], Wya, by, na, " (from Wax)") };
  },

  fill({ Wax, Waa, ba }) {
    return ({ Wx, Wh, bias }) => {
      Wx.set(Wax.data);
      Wh.set(Waa.data);
      bias.set(ba.data);
    };
  },
};

/** The inverse of `fill`, for parameters and their gradients alike. */
export function split(
  { Wx, Wh, bias }: WeightArrays<Float64Array<ArrayBuffer>>,
  { nx, na }: { nx: number; na: number },
): Pick<RnnParameters, "Wax" | "Waa" | "ba"> {
  return {
    Wax: { shape: [na, nx], data: Wx.slice() },
    Waa: { shape: [na, na], data: Wh.slice() },
    ba: { shape: [na, 1], data: bias.slice() },
  };
}

/** What {@link rnnCellForward} saw: `aNext`, `aPrev`, `xt`, `parameters`, in linear memory until `dispose`. */
export class RnnCache extends StepCache<RnnParameters> {
  override get parameters(): RnnParameters {
    const { weights, linear } = this.recording.held.model;
    const { W: Wya, bias: by } = linear.tensors();
    return { ...weights.read((arrays) => split(arrays, weights)), Wya, by };
  }
}

/** What {@link rnnForward} saw, step by step, in linear memory until `dispose`. */
export class RnnCaches extends Caches<RnnCache> {
  protected override stepCache(step: number): RnnCache {
    return new RnnCache(this.recording, step, false);
  }
}
