import { checkOptions, type OptionNames } from "../options.js";
import { checkBatch, type TrainingBatch } from "./batch.js";
import { checkInteger, checkNumber } from "./checks.js";
import { Loss, type LossOptions } from "./losses.js";
import type { Parameter } from "./parameters.js";
import { runLoss } from "./pass.js";
import { networkOf, type Trainable } from "./trainable.js";
import { viewOf } from "./trained_type.js";

/** Options of {@link gradCheck}. */
export interface GradCheckOptions {
  readonly loss: LossOptions;
  /** The entries that are returned, the worst first. Default 10. */
  readonly worst?: number | undefined;
  /** Entries of each parameter that are compared, evenly spread over it. Default: all of them. */
  readonly samples?: number | undefined;
  /** The largest move of a weight. Default 2e-3. */
  readonly h?: number | undefined;
}

const NAMES: OptionNames<GradCheckOptions> = { loss: true, worst: true, samples: true, h: true };

/** One number of the gradient, computed in both ways. */
export interface CheckedEntry {
  /** Its parameter. */
  readonly name: string;
  /** Its index there, in C order of PyTorch's layout. */
  readonly index: number;
  /** By back-propagation. */
  readonly gradient: number;
  /** By differences of the loss. */
  readonly difference: number;
  /** The distance of both, over the largest gradient of the parameter, or 1e-4 of the largest of all if that is more. */
  readonly error: number;
}

/**
 * Compares the gradient of a batch with four-point differences of the loss, (8(f(h/2) − f(−h/2)) − (f(h) − f(−h))) / 6h.
 * Dropout is off. Where all is right errors are about 1e-9. The weights are as before afterwards.
 *
 * @returns the worst entries, the worst first
 * @throws as `Trainer.step` for the batch
 */
export function gradCheck(
  net: Trainable,
  batch: TrainingBatch,
  options: GradCheckOptions,
): CheckedEntry[] {
  const where = "gradCheck";
  const network = networkOf(where, net);
  checkOptions(where, options, NAMES);
  const { worst = 10, samples = Number.MAX_SAFE_INTEGER, h = 2e-3 } = options;
  checkInteger(`${where}: worst`, worst, 1);
  checkInteger(`${where}: samples`, samples, 1);
  checkNumber(`${where}: h`, h, { least: 0, above: true });
  const { parameters, architecture } = network;
  const { dtype } = parameters;
  const loss = new Loss(where, dtype, architecture.output, options.loss);
  try {
    const checked = checkBatch(where, network, { loss, states: undefined }, batch);
    const own = { carry: false, states: undefined, dropout: undefined };
    const pass = { where, ...own, memory: Number.MAX_SAFE_INTEGER };
    parameters.clearGradients();
    runLoss(network, loss, checked, { ...pass, accumulate: 1 });
    const gradients = parameters.all.map(({ offset, size }) =>
      Float64Array.from(viewOf(dtype, parameters.gradients + offset, size)),
    );
    const largest = (values: Float64Array): number =>
      values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const floor = 1e-4 * gradients.reduce((most, own) => Math.max(most, largest(own)), 0);
    /** The loss with one weight moved by `by`. */
    const moved = ({ offset }: Parameter, index: number, by: number): number => {
      const pointer = parameters.weights + offset + index * dtype.item;
      const before = viewOf(dtype, pointer, 1)[0] as number;
      viewOf(dtype, pointer, 1)[0] = before + by;
      network.changed();
      try {
        return runLoss(network, loss, checked, { ...pass, accumulate: 0 }).loss;
      } finally {
        viewOf(dtype, pointer, 1)[0] = before;
        network.changed();
      }
    };
    const entries = parameters.all.flatMap((parameter, p): CheckedEntry[] => {
      const own = gradients[p] as Float64Array;
      const most = Math.max(largest(own), floor);
      const count = Math.min(samples, parameter.size);
      return Array.from({ length: count }, (_, i) => {
        const index = Math.floor((i * parameter.size) / count);
        const [near, far] = [h / 2, h].map(
          (by) => moved(parameter, index, by) - moved(parameter, index, -by),
        ) as [number, number];
        const difference = (8 * near - far) / (6 * h);
        const gradient = own[index] as number;
        const scale = Math.max(most, Math.abs(difference));
        const error = scale === 0 ? 0 : Math.abs(gradient - difference) / scale;
        return {
          name: parameter.name,
          index: outerIndex(parameter, index),
          gradient,
          difference,
          error,
        };
      });
    });
    return entries.sort((a, b) => b.error - a.error).slice(0, worst);
  } finally {
    loss.release();
  }
}

/** The index in PyTorch's order of a number that stands at `index` in memory. */
function outerIndex({ order, size }: Parameter, index: number): number {
  if (order === undefined) return index;
  const block = size / order.length;
  return (order[Math.floor(index / block)] as number) * block + (index % block);
}
