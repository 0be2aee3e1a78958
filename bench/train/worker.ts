// A contender's process: each call is a whole step of training.
import type { Prepared } from "../timing/protocol.js";
import { runWorker } from "../timing/worker.js";
import { type Operands, readOperands } from "./network.js";

/** Runs a contender. `open` makes a function that trains a step and returns its loss, before the update, and frees by `release`. */
export const runTrainer = (
  open: (operands: Operands) => {
    step(): number | Promise<number>;
    release?(): void;
  },
): Promise<void> =>
  runWorker((job): Prepared => {
    const { step, release } = open(readOperands(job.operands));
    const losses: number[] = [];
    const call = async (): Promise<number> => {
      const loss = await step();
      if (losses.length < job.calls) losses.push(loss);
      return loss;
    };
    return { call, result: () => losses, ...(release && { release }) };
  });
