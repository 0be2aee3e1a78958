import type { Engine, LstmParameters } from "recurra";
import { Adam } from "./adam.js";
import { batchOf, pass } from "./data.js";
import { lossAndGradients } from "./model.js";
import type { Random } from "./random.js";

/** Words per step. */
const BATCH = 32;

/** The learning rate of the first step; from there it falls on a straight line to 0. */
const RATE = 0.01;

export function stepsOf(words: readonly string[]): number {
  return Math.ceil(words.length / BATCH);
}

/**
 * Changes the parameters in place, in one pass: every word is seen once, so a batch's loss is that of words still unseen.
 *
 * @param onStep told after each step how many are done, and its batch's loss in nats per character
 */
export function train(
  engine: Engine,
  parameters: LstmParameters,
  words: readonly string[],
  random: Random,
  onStep: (done: number, loss: number) => void,
): void {
  const adam = new Adam(parameters);
  const batches = pass(words, BATCH, random);
  batches.forEach((batch, i) => {
    const { loss, gradients } = lossAndGradients(engine, parameters, batchOf(batch));
    adam.step(gradients, RATE * (1 - i / batches.length));
    engine.parametersChanged(parameters);
    onStep(i + 1, loss);
  });
}
