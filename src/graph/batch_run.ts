import type { Floats } from "../wasm/abi.js";
import {
  type BatchPlan,
  type BatchPort,
  type BoundPlan,
  exchange,
  type Lane,
} from "./batch_plan.js";
import { type Declared, type Given, type GraphOutput, readOutput, writeNumbers } from "./input.js";
import type { Program } from "./program.js";
import type { Runner } from "./runner.js";
import type { StreamContent } from "./stream.js";
import { allocate, itemOf, replaced, sizeOf } from "./value.js";

/** The ports of a plan's program, found once for as long as that is kept. */
function portsOf(
  { compiler }: Runner,
  { parts }: StreamContent,
  plan: BatchPlan,
  program: Program,
): BoundPlan {
  if (plan.bound?.program === program) return plan.bound;
  plan.bound = {
    program,
    inputs: program.inputs.map((port) => ({
      port,
      lane: plan.inputs.get(port.name) as Lane,
      declared: compiler.input(port.name),
      state: parts.find(({ input }) => input.name === port.name)?.offset,
    })),
    outputs: program.outputs.map((port) => ({
      port,
      lane: plan.outputs.get(port.name) as Lane,
      declared: undefined,
      state: parts.find(({ output }) => output === port.name)?.offset,
    })),
  };
  return plan.bound;
}

/** One push of streams that a plan takes together. Each was given its inputs. */
export function runTogether(
  where: string,
  runner: Runner,
  streams: readonly StreamContent[],
  plan: BatchPlan,
  targets: readonly Record<string, GraphOutput>[],
): void {
  const program = runner.program(where, plan.given);
  const { inputs, outputs } = portsOf(runner, streams[0] as StreamContent, plan, program);
  for (const each of inputs) {
    if (each.state === undefined) writeLanes(streams, each, program.view(each.port));
    else takeStates(streams, each);
  }
  program.run();
  for (const each of outputs) {
    if (each.state === undefined) readLanes(targets, each, program.view(each.port));
    else giveStates(streams, each);
  }
}

/** Writes what each stream is given to its place. */
function writeLanes(
  streams: readonly StreamContent[],
  { lane, declared, port }: BatchPort,
  view: Floats,
): void {
  const { index, precision } = declared as Declared;
  const { outer, inner } = lane;
  const n = streams.length;
  for (let s = 0; s < n; s++) {
    const { data } = (streams[s] as StreamContent).given[index] as Given;
    if (outer === 1) writeNumbers(declared as Declared, data, view, s * inner);
    else {
      const numbers = allocate(precision, port.value.size / n);
      writeNumbers(declared as Declared, data, numbers);
      exchange(lane, { n, s }, numbers, view, true);
    }
  }
}

/** Reads each stream's part of an output. */
function readLanes(
  targets: readonly Record<string, GraphOutput>[],
  { lane, port }: BatchPort,
  view: Floats,
): void {
  const { kind, shape, precision } = port.value;
  const { outer, inner } = lane;
  const n = targets.length;
  const axis = shape.findIndex(
    (extent, i) => extent === n && sizeOf(shape.slice(0, i)) === lane.outer,
  );
  const one = replaced(shape, axis, 1);
  const numbers = allocate(precision, outer * inner);
  for (let s = 0; s < n; s++) {
    exchange(lane, { n, s }, numbers, view, false);
    const target = targets[s] as Record<string, GraphOutput>;
    target[port.name] = readOutput(kind, one, numbers, target[port.name]);
  }
}

/** Copies the streams' states to their places among n. */
function takeStates(streams: readonly StreamContent[], { lane, port, state = 0 }: BatchPort): void {
  const { outer, inner } = lane;
  const bytes = inner * itemOf(port.value.precision);
  for (let s = 0; s < streams.length; s++) {
    const { pointer, nn } = streams[s] as StreamContent;
    const own = pointer + state;
    for (let o = 0; o < outer; o++) {
      nn.copy_bytes(bytes, own + o * bytes, port.pointer + (o * streams.length + s) * bytes);
    }
  }
}

/** Copies them back. */
function giveStates(streams: readonly StreamContent[], { lane, port, state = 0 }: BatchPort): void {
  const { outer, inner } = lane;
  const bytes = inner * itemOf(port.value.precision);
  for (let s = 0; s < streams.length; s++) {
    const { pointer, nn } = streams[s] as StreamContent;
    const own = pointer + state;
    for (let o = 0; o < outer; o++) {
      nn.copy_bytes(bytes, port.pointer + (o * streams.length + s) * bytes, own + o * bytes);
    }
  }
}
