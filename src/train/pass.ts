import { ITEM } from "../wasm/abi.js";
import { type CheckedBatch, writeInputs, writeTargets, writeTokens } from "./batch.js";
import type { Segment } from "./layers/layer.js";
import type { Loss } from "./losses.js";
import type { TrainedNetwork } from "./network.js";
import type { NetworkPlan, PassOptions } from "./plan.js";

/** How a pass runs. */
export interface LossPassOptions extends PassOptions {
  readonly where: string;
  /** Adds the gradient of the loss, over this number, to the gradients of the parameters; 0: computes none. */
  readonly accumulate: number;
  /** Bytes of the buffers. */
  readonly memory: number;
}

/** The result of a pass. */
export interface LossPass {
  /** The mean loss over the rows with a target. */
  readonly loss: number;
  /** The rows with a target. */
  readonly tokens: number;
  /** Random numbers that dropout took. */
  readonly drawn: number;
  /** Keeps the states at the end of the sequences in `states`. It is valid until the next pass. */
  keepStates(): void;
}

/**
 * Runs a checked batch forward and, if it computes a gradient, backward. If its buffers do not fit into `memory`, it goes
 * forward segment by segment, keeps the states between them, and then computes each segment again, from the last to the
 * first, with its way back. The result has the same bits in both ways.
 */
export function runLoss(
  network: TrainedNetwork,
  loss: Loss,
  checked: CheckedBatch,
  { where, accumulate, memory, ...options }: LossPassOptions,
): LossPass {
  network.pack();
  const needs = { where, targetItems: loss.targetItems, memory };
  const plan = network.plan(checked.lengths, options, needs);
  writeTokens(network, plan, checked);
  const tokens = writeTargets(network, loss, plan, checked, 1 / Math.max(accumulate, 1));
  const pass: Pass = { network, loss, checked, plan, isTraining: accumulate > 0 };
  const { body, pooling, head, context, headContext, scratch } = plan;
  for (const each of [body, pooling, head]) each?.begin?.(context);
  if (pooling === undefined) runSteps(pass);
  else runPooled(pass, pooling);
  if (accumulate > 0) {
    head.end?.(headContext, scratch);
    body.end?.(context, scratch);
  }
  return {
    loss: loss.sum(plan) * Math.max(accumulate, 1),
    tokens,
    drawn: plan.drawn,
    keepStates: () => body.keepState?.(context),
  };
}

interface Pass {
  readonly network: TrainedNetwork;
  readonly loss: Loss;
  readonly checked: CheckedBatch;
  readonly plan: NetworkPlan;
  readonly isTraining: boolean;
}

/** Computes the layers up to the highest recurrent one for a segment. Returns their output. */
function forward({ network, plan, checked }: Pass, segment: Segment): number {
  plan.context.segment = segment;
  writeInputs(network, plan, checked, segment);
  return plan.body.forward(plan.context, plan.x);
}

/** A network with an output at each step. */
function runSteps(pass: Pass): void {
  const { loss, plan, isTraining } = pass;
  const { segments, context, body, head, x, scratch } = plan;
  const lastIndex = segments.length - 1;
  const targetBytes = loss.takesIds ? Int32Array.BYTES_PER_ELEMENT : loss.size * ITEM;
  /** The head and the loss of the segment at hand. Returns the outputs, which are replaced by their gradient. */
  const finish = (top: number, { base, rows }: Segment): number => {
    const outputs = head.forward(context, top);
    loss.run({
      rows,
      outputs,
      targets: plan.targets + base * targetBytes,
      scales: plan.scales + base * ITEM,
      loss: plan.loss + base * ITEM,
    });
    return outputs;
  };
  if (!isTraining) {
    for (const segment of segments) finish(forward(pass, segment), segment);
    return;
  }
  for (const segment of segments.slice(0, lastIndex)) forward(pass, segment);
  for (let s = lastIndex; s >= 0; s--) {
    const segment = segments[s] as Segment;
    const top = forward(pass, segment);
    const outputs = finish(top, segment);
    const dTop = head.backward(context, top, outputs, scratch);
    body.backward(context, x, dTop, scratch);
  }
}

/** A network with an output for each sequence. */
function runPooled(pass: Pass, pooling: NonNullable<NetworkPlan["pooling"]>): void {
  const { loss, plan, isTraining } = pass;
  const { segments, context, headContext, body, head, x, scratch, outputRows: rows } = plan;
  let [top, pooled] = [0, 0];
  for (const segment of segments) {
    top = forward(pass, segment);
    pooled = pooling.forward(context, top);
  }
  const outputs = head.forward(headContext, pooled);
  loss.run({ rows, outputs, targets: plan.targets, scales: plan.scales, loss: plan.loss });
  if (!isTraining) return;
  const dPooled = head.backward(headContext, pooled, outputs, scratch);
  for (let s = segments.length - 1; s >= 0; s--) {
    if (s < segments.length - 1) top = forward(pass, segments[s] as Segment);
    const dTop = pooling.backward(context, top, dPooled, scratch);
    body.backward(context, x, dTop, scratch);
  }
}
