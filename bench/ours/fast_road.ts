// The fast road's types, until the package has them: then this file goes, and `layer.ts` imports from "recurra".
import * as recurra from "recurra";
import type { Width } from "../cases/cases.js";

export type Numbers = Float64Array | Float32Array;

export interface Shaped {
  readonly shape: readonly number[];
  readonly data: Numbers;
}

export interface State {
  write(parts: { h: Shaped; c?: Shaped }): void;
}

export interface Layer {
  load(weights: Record<WeightName, Numbers>): void;
  forward(
    x: Shaped,
    state?: State,
    options?: { out?: Shaped; keepTape?: boolean },
  ): { y: Shaped; state: State; tape?: { dispose(): void } };
  step(x: Shaped, state: State): Shaped;
  backward(dy: Shaped, tape: object): { dx: Shaped } & Record<WeightName, Shaped>;
  createState(m: number): State;
  dispose(): void;
}

export type WeightName = "weight_ih_l0" | "weight_hh_l0" | "bias_ih_l0" | "bias_hh_l0";

export interface LayerOptions {
  cell: "rnn" | "lstm";
  inputSize: number;
  hiddenSize: number;
  precision?: Width;
}

export const { createRecurrent } = recurra as unknown as {
  createRecurrent: (engine: recurra.Engine, options: LayerOptions) => Layer;
};
