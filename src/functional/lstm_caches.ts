import { lstmCell } from "../cells/lstm.js";
import { ShapeError } from "../errors.js";
import { strides } from "../sequence/track.js";
import type { WeightArrays } from "../sequence/weights.js";
import { checkShape, formatShape, type Tensor } from "../tensor.js";
import { checkHead, checkMatrix, type Naming } from "./model.js";
import { Caches, StepCache } from "./recording.js";

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
  head: ["Wy", "by"],

  check(where, parameters) {
    const [na, columns] = checkMatrix(where, "Wf", parameters.Wf, "(na, na + nx)");
    if (columns <= na) {
      throw new ShapeError(
        `${where}: Wf: expected (na, na + nx) with nx ≥ 1, got ${formatShape([na, columns])}`,
      );
    }
    for (const gate of GATES) {
      const W = `W${gate}` as const;
      const b = `b${gate}` as const;
      checkShape(where, W, parameters[W], ["na", "na + nx"], [na, columns], " (from Wf)");
      checkShape(where, b, parameters[b], ["na", "1"], [na, 1], " (from Wf)");
    }
    const ny = checkHead(where, ["Wy", "by"], parameters.Wy, parameters.by, na, " (from Wf)");
    return { nx: columns - na, na, ny };
  },

  fill(parameters, { nx, na }) {
    return ({ Wx, Wh, bias }) => {
      GATES.forEach((gate, g) => {
        const { data } = parameters[`W${gate}`];
        for (let i = 0; i < na; i++) {
          const hidden = i * (na + nx);
          const input = hidden + na;
          Wh.set(data.subarray(hidden, input), (g * na + i) * na);
          Wx.set(data.subarray(input, input + nx), (g * na + i) * nx);
        }
        bias.set(parameters[`b${gate}`].data, g * na);
      });
    };
  },
};

/** The inverse of `fill`, for parameters and their gradients alike. */
export function split(
  { Wx, Wh, bias }: WeightArrays<Float64Array<ArrayBuffer>>,
  { nx, na }: { nx: number; na: number },
): Gates {
  const weight = (g: number): Tensor => {
    const data = new Float64Array(na * (na + nx));
    for (let i = 0; i < na; i++) {
      const row = g * na + i;
      data.set(Wh.subarray(row * na, (row + 1) * na), i * (na + nx));
      data.set(Wx.subarray(row * nx, (row + 1) * nx), i * (na + nx) + na);
    }
    return { shape: [na, na + nx], data };
  };
  const offset = (g: number): Tensor => ({
    shape: [na, 1],
    data: bias.slice(g * na, (g + 1) * na),
  });
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
    return this.gate(0);
  }

  /** The forget gate, (na, m). */
  get ft(): Tensor {
    return this.gate(1);
  }

  /** The candidate, (na, m). */
  get cct(): Tensor {
    return this.gate(2);
  }

  /** The output gate, (na, m). */
  get ot(): Tensor {
    return this.gate(3);
  }

  /** One block of the step's gates. */
  private gate(block: number): Tensor {
    const { engine, seen } = this.recording;
    const { track, na, m } = seen;
    const rows = engine.arena.f64(track.z + this.step * m * strides(track).z, m * 4 * na);
    const data = new Float64Array(na * m);
    for (let j = 0; j < na; j++) {
      for (let r = 0; r < m; r++) data[j * m + r] = rows[(4 * r + block) * na + j] as number;
    }
    return { shape: [na, m], data };
  }

  override get parameters(): LstmParameters {
    const { weights, head } = this.recording.held.model;
    const { W: Wy, bias: by } = head.tensors();
    return { ...weights.read((arrays) => split(arrays, weights)), Wy, by };
  }
}

/** What {@link lstmForward} saw, step by step, in linear memory until `dispose`. */
export class LstmCaches extends Caches<LstmCache> {
  protected override stepCache(step: number): LstmCache {
    return new LstmCache(this.recording, step, false);
  }
}
