import type { Engine } from "recurra";
import { Adam } from "./adam.js";
import { lossAndGradients, type Network, startState } from "./network.js";
import type { Passages } from "./passages.js";

/** Passages that are read side by side. */
export const BATCH = 16;

/** Characters that a gradient reaches back. */
export const STRETCH = 64;

/** Stretches of a passage: the state is carried from one to the next. */
export const STRETCHES = 8;

/** Characters of a passage, the one before its first included. */
export const PASSAGE = STRETCHES * STRETCH + 1;

/** The learning rate: it rises to this over the first steps and falls from there on a straight line to 0. */
const RATE = 0.008;
const RISE = 100;

/** A gradient longer than this is cut to it. */
const LONGEST = 1;

/**
 * Changes the network in place.
 *
 * @param steps updates, each after BATCH · STRETCH characters
 * @param onStep told after each step how many are done, and its loss in nats per character
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
    adam.step(done.gradients, rate, LONGEST);
    engine.parametersChanged(network);
    state = done.state;
    onStep(step + 1, done.loss);
  }
}
