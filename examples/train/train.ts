import type { Engine } from "recurra";
import { Adam } from "./adam.js";
import { lossAndGradients, type Network, startState } from "./network.js";
import type { Passages } from "./passages.js";

/** Passages that are read in parallel. */
export const BATCH = 16;

/** How many characters a gradient reaches back. */
export const STRETCH = 64;

/** Stretches in a passage. The state is carried from one to the next. */
export const STRETCHES = 8;

/** Characters of a passage, including the line end before the first one. */
export const PASSAGE = STRETCHES * STRETCH + 1;

/** The learning rate rises to RATE over the first RISE steps, and then falls in a straight line to 0. */
const RATE = 0.008;
const RISE = 100;

/** A gradient with a larger norm is scaled down to it. */
const LARGEST_NORM = 1;

/**
 * Trains the network in place.
 *
 * @param steps number of updates, each after BATCH · STRETCH characters
 * @param onStep called after each step with the number of steps done and the loss in nats per character
 */
export function train(
  engine: Engine,
  network: Network,
  passages: Passages,
  steps: number,
  onStep: (done: number, loss: number) => void,
): void {
  const adam = new Adam(network);
  let drawn = passages.draw(BATCH);
  let state = startState(network, BATCH);
  for (let step = 0; step < steps; step++) {
    const at = (step % STRETCHES) * STRETCH;
    if (at === 0) {
      drawn = passages.draw(BATCH);
      state = startState(network, BATCH);
    }
    const ids = drawn.map((passage) => passage.subarray(at, at + STRETCH + 1));
    const done = lossAndGradients(engine, network, ids, state);
    const rate = RATE * Math.min((step + 1) / RISE, 1 - step / steps);
    adam.step(done.gradients, rate, LARGEST_NORM);
    engine.parametersChanged(network);
    state = done.state;
    onStep(step + 1, done.loss);
  }
}
