import { gruCell } from "../cells/gru.js";
import type { WeightArrays } from "../sequence/weights.js";
import { checkShape, type Tensor } from "../tensor.js";
import { Caches, StepCache } from "./caches.js";
import { fillGate, gateBias, gateMatrix } from "./gates.js";
import { checkGate, checkHead, type Naming } from "./parameters.js";

/** The parameters of a GRU with a softmax output. A gate's matrix has the hidden columns first: [hidden | input]. */
export interface GruParameters {
  /** Update gate, (na, na + nx). */
  readonly Wu: Tensor;
  /** (na, 1). */
  readonly bu: Tensor;
  /** Reset gate, (na, na + nx). */
  readonly Wr: Tensor;
  /** (na, 1). */
  readonly br: Tensor;
  /** Candidate, (na, na + nx). */
  readonly Wc: Tensor;
  /** The candidate's bias outside the reset gate, (na, 1). */
  readonly bc: Tensor;
  /** The candidate's bias on the hidden side, which the reset gate acts on, (na, 1). */
  readonly bch: Tensor;
  /** Hidden to output, (ny, na). */
  readonly Wy: Tensor;
  /** (ny, 1). */
  readonly by: Tensor;
}

export type Gates = Omit<GruParameters, "Wy" | "by">;

/** Where a gate stands among the blocks of Wh (r, z, n), and of Wx, the bias and a row (n, r, z, then q). */
const RESET = { hidden: 0, input: 1 } as const;
const UPDATE = { hidden: 1, input: 2 } as const;
const CANDIDATE = { hidden: 2, input: 0 } as const;
const Q = 3;

const PARTS = [
  ["Wu", ["na", "na + nx"]],
  ["bu", ["na", "1"]],
  ["Wr", ["na", "na + nx"]],
  ["br", ["na", "1"]],
  ["Wc", ["na", "na + nx"]],
  ["bc", ["na", "1"]],
  ["bch", ["na", "1"]],
] as const;

/** The engine's gate z is what is kept, 1 − Γu; σ(−x) = 1 − σ(x), so its weights are those of Γu with the other sign. */
const negative = ({ shape, data }: Tensor): Tensor => ({ shape, data: data.map((x) => -x) });

export const gruNaming: Naming<GruParameters> = {
  cell: gruCell,
  names: ["Wu", "bu", "Wr", "br", "Wc", "bc", "bch", "Wy", "by"],
  linear: ["Wy", "by"],

  check(where, parameters) {
    const [na, columns] = checkGate(where, "Wu", parameters.Wu);
    for (const [name, letters] of PARTS) {
      const sizes = [na, letters[1] === "1" ? 1 : columns];
      checkShape(where, name, parameters[name], letters, sizes, " (from Wu)");
    }
    const ny = checkHead(where, ["Wy", "by"], parameters.Wy, parameters.by, na, " (from Wu)");
    return { nx: columns - na, na, ny };
  },

  fill({ Wu, bu, Wr, br, Wc, bc, bch }, sizes) {
    const { na } = sizes;
    return (to) => {
      fillGate(negative(Wu), to, UPDATE.hidden, UPDATE.input, sizes);
      fillGate(Wr, to, RESET.hidden, RESET.input, sizes);
      fillGate(Wc, to, CANDIDATE.hidden, CANDIDATE.input, sizes);
      to.bias.set(negative(bu).data, UPDATE.input * na);
      to.bias.set(br.data, RESET.input * na);
      to.bias.set(bc.data, CANDIDATE.input * na);
      to.bias.set(bch.data, Q * na);
    };
  },
};

/** The inverse of `fill`, for parameters and their gradients alike. */
export function split(
  arrays: WeightArrays<Float64Array<ArrayBuffer>>,
  sizes: { nx: number; na: number },
): Gates {
  const weight = ({ hidden, input }: { hidden: number; input: number }): Tensor =>
    gateMatrix(arrays, hidden, input, sizes);
  const offset = (block: number): Tensor => gateBias(arrays.bias, block, sizes.na);
  return {
    Wu: negative(weight(UPDATE)),
    bu: negative(offset(UPDATE.input)),
    Wr: weight(RESET),
    br: offset(RESET.input),
    Wc: weight(CANDIDATE),
    bc: offset(CANDIDATE.input),
    bch: offset(Q),
  };
}

/**
 * What {@link gruCellForward} saw: `aNext`, `aPrev`, `ut`, `rt`, `cct`, `xt`, `parameters`, in linear memory until
 * `dispose`.
 */
export class GruCache extends StepCache<GruParameters> {
  /** The update gate, (na, m): how much of the candidate goes into the state. 1 − z, and so to 2^−53. */
  get ut(): Tensor {
    const { shape, data } = this.block(UPDATE.input);
    return { shape, data: data.map((kept) => 1 - kept) };
  }

  /** The reset gate, (na, m). */
  get rt(): Tensor {
    return this.block(RESET.input);
  }

  /** The candidate, (na, m). */
  get cct(): Tensor {
    return this.block(CANDIDATE.input);
  }

  override get parameters(): GruParameters {
    const { weights, linear } = this.recording.held.model;
    const { W: Wy, bias: by } = linear.tensors();
    return { ...weights.read((arrays) => split(arrays, weights)), Wy, by };
  }
}

/** What {@link gruForward} saw, step by step, in linear memory until `dispose`. */
export class GruCaches extends Caches<GruCache> {
  protected override stepCache(step: number): GruCache {
    return new GruCache(this.recording, step, false);
  }
}
