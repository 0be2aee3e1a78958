import type { LayerKernels } from "../wasm/trainer_kernels.js";
import { power } from "./arithmetic.js";
import type { CheckedOptimizer, OptimizerName } from "./optimizer_options.js";

/** A run of parameters in memory that were updated equally often. */
export interface Run {
  /** Bytes from the start of weights, gradients and moments. */
  readonly offset: number;
  readonly n: number;
  /** The number of this update, from 1. */
  readonly t: number;
}

/** Updates all numbers of a run. The moments are in the order of `moments`. */
export type Update = (
  kernels: LayerKernels,
  run: Run,
  at: { g: number; w: number; moments: number[] },
) => void;

/** The moments that an optimiser keeps, by PyTorch's names, and its update. */
export interface Rule {
  readonly moments: readonly string[];
  readonly initial?: number;
  readonly update: (rate: number) => Update;
}

/** The rule of an optimiser. */
export function ruleOf(name: OptimizerName, all: CheckedOptimizer): Rule {
  const of = (option: string): number => all[option] as number;
  const decay = all.weightDecay as number;
  switch (name) {
    case "sgd": {
      const momentum = of("momentum");
      return {
        moments: momentum === 0 ? [] : ["momentum_buffer"],
        update:
          (rate) =>
          (kernels, { n, t }, { g, w, moments: [v = 0] }) => {
            const isFirst = t === 1 ? 1 : 0;
            const nesterov = all.nesterov === true ? 1 : 0;
            kernels.sgd_update(
              n,
              rate,
              decay,
              momentum,
              of("dampening"),
              nesterov,
              isFirst,
              g,
              w,
              v,
            );
          },
      };
    }
    case "adam":
    case "adamw": {
      const [beta1, beta2] = all.betas as unknown as [number, number];
      const isDecoupled = name === "adamw";
      return {
        moments: ["exp_avg", "exp_avg_sq", ...(all.amsgrad === true ? ["max_exp_avg_sq"] : [])],
        update:
          (rate) =>
          (kernels, { n, t }, { g, w, moments: [m = 0, v = 0, most = 0] }) => {
            const shrink = isDecoupled ? 1 - rate * decay : 1;
            kernels.adam_update(
              n,
              rate / (1 - power(beta1, t)),
              isDecoupled ? 0 : decay,
              shrink,
              beta1,
              beta2,
              of("eps"),
              Math.sqrt(1 - power(beta2, t)),
              g,
              w,
              m,
              v,
              most,
            );
          },
      };
    }
    case "rmsprop": {
      const momentum = of("momentum");
      const hasMean = all.centered === true;
      return {
        moments: [
          "square_avg",
          ...(momentum === 0 ? [] : ["momentum_buffer"]),
          ...(hasMean ? ["grad_avg"] : []),
        ],
        update:
          (rate) =>
          (kernels, { n }, { g, w, moments }) => {
            const [s = 0, v = 0] = moments;
            const mean = hasMean ? (moments.at(-1) as number) : 0;
            kernels.rmsprop_update(
              n,
              rate,
              decay,
              of("alpha"),
              of("eps"),
              momentum,
              g,
              w,
              s,
              v,
              mean,
            );
          },
      };
    }
    case "adagrad":
      return {
        moments: ["sum"],
        initial: of("initialAccumulatorValue"),
        update:
          (rate) =>
          (kernels, { n, t }, { g, w, moments: [s = 0] }) => {
            const own = rate / (1 + (t - 1) * of("lrDecay"));
            kernels.adagrad_update(n, own, decay, of("eps"), g, w, s);
          },
      };
  }
}
