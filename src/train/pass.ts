import { type CheckedBatch, writeInputs, writeTargets } from "./batch.js";
import type { Loss } from "./losses.js";
import type { NetworkPlan, PassOptions, TrainedNetwork } from "./network.js";

/** The loss of a batch, and the way back. */
export interface LossPass {
  /** The mean loss over the rows with a target. */
  readonly loss: number;
  /** The rows with a target. */
  readonly tokens: number;
  /** Adds the gradient of the loss, over `accumulate`, to the gradients of the parameters. It runs once. */
  backward(): void;
  /** Keeps the states at the end of the sequences in `states`. */
  keepStates(): void;
}

/**
 * Runs a checked batch forward. The buffers are valid until the next pass of the network.
 *
 * @param accumulate the number of batches whose gradients are added up: their mean is the gradient
 */
export function runLoss(
  network: TrainedNetwork,
  loss: Loss,
  checked: CheckedBatch,
  { accumulate, ...options }: PassOptions & { readonly accumulate: number },
): LossPass {
  network.pack();
  const plan: NetworkPlan = network.plan(checked.lengths, options, loss.targetItems);
  writeInputs(network, plan, checked);
  const tokens = writeTargets(network, loss, plan, checked, 1 / accumulate);
  const { context, body, head, x, scratch, outputRows: rows, targets, scales } = plan;
  const top = body.forward(context, x);
  const outputs = head.forward(context, top);
  const sum = loss.run({ rows, outputs, targets, scales, loss: plan.loss });
  return {
    loss: sum * accumulate,
    tokens,
    backward() {
      const dTop = head.backward(context, top, outputs, scratch);
      body.backward(context, x, dTop, scratch);
    },
    keepStates() {
      body.keepState?.(context);
    },
  };
}
