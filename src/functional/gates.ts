import type { WeightArrays } from "../sequence/weights.js";
import type { Tensor } from "../tensor.js";

// A gate's matrix is [hidden | input], (na, na + nx): here it is taken apart into the two that the engine has, and put
// together again. `hidden` and `input` are the gate's places among the blocks of Wh and of Wx.

interface Sizes {
  readonly nx: number;
  readonly na: number;
}

type Matrices = Pick<WeightArrays, "Wx" | "Wh">;

/** Copies a gate's matrix to its blocks. */
export function fillGate(
  { data }: Tensor,
  { Wx, Wh }: Matrices,
  hidden: number,
  input: number,
  { nx, na }: Sizes,
): void {
  for (let i = 0; i < na; i++) {
    const at = i * (na + nx);
    Wh.set(data.subarray(at, at + na), (hidden * na + i) * na);
    Wx.set(data.subarray(at + na, at + na + nx), (input * na + i) * nx);
  }
}

/** The inverse of `fillGate`: a copy. */
export function gateMatrix(
  { Wx, Wh }: Matrices,
  hidden: number,
  input: number,
  { nx, na }: Sizes,
): Tensor {
  const data = new Float64Array(na * (na + nx));
  for (let i = 0; i < na; i++) {
    const [h, x] = [(hidden * na + i) * na, (input * na + i) * nx];
    data.set(Wh.subarray(h, h + na), i * (na + nx));
    data.set(Wx.subarray(x, x + nx), i * (na + nx) + na);
  }
  return { shape: [na, na + nx], data };
}

/** A block of the bias as a column: a copy. */
export const gateBias = (bias: Float64Array, block: number, na: number): Tensor => ({
  shape: [na, 1],
  data: bias.slice(block * na, (block + 1) * na),
});
