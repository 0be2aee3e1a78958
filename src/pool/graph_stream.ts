import type { GraphInput, GraphInputs, GraphNumbers, GraphOutputs } from "../graph/graph.js";
import { checkObject, describe, isAnyTypedArray } from "../tensor.js";
import { pushOne } from "./push_call.js";
import { checkPushOptions, type PoolPushOptions } from "./push_options.js";
import { poolOf, RemoteStream, recordOf } from "./remote_stream.js";

/** A copy of numbers, or undefined if they are none. */
function copyOf(numbers: GraphNumbers): GraphNumbers | undefined {
  if (Array.isArray(numbers)) return [...numbers];
  if (!isAnyTypedArray(numbers) || !("BYTES_PER_ELEMENT" in numbers)) return undefined;
  // That of a Buffer would be a view.
  return numbers instanceof Uint8Array ? Uint8Array.from(numbers) : numbers.slice();
}

/** A copy of what a graph is given: it is sent later. The workers check whether the graph takes it. */
export function copyInputs(where: string, name: string, inputs: GraphInputs): GraphInputs {
  checkObject(where, name, inputs);
  const copies = Object.entries(inputs).map(([input, value]): [string, GraphInput] => {
    if (/^(number|bigint|boolean|undefined)$/.test(typeof value)) return [input, value];
    const numbers = copyOf(value as GraphNumbers);
    if (numbers !== undefined) return [input, numbers];
    const { shape, data } = (value ?? {}) as { shape?: readonly number[]; data?: GraphNumbers };
    const own = copyOf(data as GraphNumbers);
    if (Array.isArray(shape) && own !== undefined) return [input, { shape: [...shape], data: own }];
    const got = describe(value);
    throw new TypeError(`${where}: ${input}: expected a number or { shape, data }, got ${got}`);
  });
  return Object.fromEntries(copies);
}

/**
 * A live stream through a graph, as `GraphStream`, at one worker of a pool. Its methods may be called without waiting for the
 * one before: they take effect in the order of the calls. If the worker ends each of them rejects with a `StreamLostError`.
 * Made by `pool.stream()`.
 */
export class PoolGraphStream extends RemoteStream {
  /**
   * Computes the outputs from these inputs and the state, which goes on.
   *
   * @param inputs all but the states
   * @returns all outputs but those that feed a state
   * @throws {TypeError | ShapeError} for something else than inputs of this graph: nothing is changed then
   * @throws {AbortedError} if `signal` aborts: the state has not gone on unless a worker had the inputs
   */
  async push(inputs: GraphInputs, options: PoolPushOptions = {}): Promise<GraphOutputs> {
    checkPushOptions("push", options);
    const own = copyInputs("push", "inputs", inputs);
    return pushOne(poolOf(this), recordOf("push", this), own, {
      signal: options.signal,
      read: ({ outputs }, row) => (outputs as readonly GraphOutputs[])[row] as GraphOutputs,
    });
  }

  /** Another stream that was pushed the same, at the same worker. */
  fork(): PoolGraphStream {
    return new PoolGraphStream(poolOf(this), recordOf("fork", this).fork());
  }
}
