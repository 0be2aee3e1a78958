import { channelAffine } from "./channel_affine.js";
import type { Constants } from "./constants.js";
import type { Operation } from "./operation.js";
import { bias, layerNorm, magnitude } from "./patterns.js";
import { countUses, Producers } from "./producers.js";
import type { Value } from "./value.js";

/**
 * The operations on which `outputs` depend, in order, with one in the place of several where it does the same. What is made
 * for that stays with `constants`.
 */
export function fuse(
  operations: readonly Operation[],
  outputs: readonly Value[],
  constants: Constants,
): Operation[] {
  const producers = new Producers(operations, countUses(operations, outputs));
  const better = (op: Operation): readonly Operation[] => {
    const one = magnitude(op, producers) ?? bias(op, producers) ?? layerNorm(op, producers);
    return one === undefined ? (channelAffine(op, producers, constants) ?? [op]) : [one];
  };
  const needed = new Set(outputs);
  const live: Operation[] = [];
  // From the end, so that what an operation took in is not looked at.
  for (let i = operations.length - 1; i >= 0; i--) {
    const op = operations[i] as Operation;
    if (!op.outputs.some((value) => needed.has(value))) continue;
    for (const each of [...better(op)].reverse()) {
      live.push(each);
      for (const input of each.inputs) needed.add(input);
    }
  }
  return live.reverse();
}
