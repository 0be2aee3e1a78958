import * as recurra from "recurra";
import * as train from "recurra/train";
import { type TrainingPackage, trainAsTorch } from "../train/torch_training.js";

// The page of torch.slow.test.ts.

const own = { ...recurra, ...train } as unknown as TrainingPackage;

Object.assign(globalThis, {
  trainAsTorch: (...[network, run]: [never, never]) => trainAsTorch(own, network, run),
});
