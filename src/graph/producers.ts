import type { Operation } from "./operation.js";
import type { Value } from "./value.js";

/** How many operations read each value; what the caller wants counts once more. */
export function countUses(
  operations: readonly Operation[],
  outputs: Iterable<Value>,
): Map<Value, number> {
  const uses = new Map<Value, number>();
  const add = (value: Value): void => void uses.set(value, (uses.get(value) ?? 0) + 1);
  for (const { inputs } of operations) for (const input of inputs) add(input);
  for (const output of outputs) add(output);
  return uses;
}

/** A way from an operation back to those that alone feed it. */
export class Producers {
  readonly #by = new Map<Value, Operation>();
  readonly #uses: ReadonlyMap<Value, number>;

  constructor(operations: readonly Operation[], uses: ReadonlyMap<Value, number>) {
    for (const op of operations) for (const output of op.outputs) this.#by.set(output, op);
    this.#uses = uses;
  }

  /** The operation of this kind that makes a value which nobody else reads; or which is read so many times. */
  only<K extends Operation["kind"]>(
    value: Value | undefined,
    kind: K,
    times = 1,
  ): Operation<K> | undefined {
    if (value === undefined || this.#uses.get(value) !== times) return undefined;
    const op = this.#by.get(value);
    return op?.kind === kind ? (op as Operation<K>) : undefined;
  }
}
