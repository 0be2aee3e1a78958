import { ShapeError, StateError } from "../errors.js";
import { bytesOf as fileBytes } from "../formats/bytes.js";
import { checkOptions, type OptionNames } from "../options.js";
import { checkInstance, checkObject } from "../tensor.js";
import type { Precision } from "../wasm/abi.js";
import { checkEngine, type Engine } from "../wasm/engine.js";
import { contentOf, Handle } from "../wasm/handle.js";
import { pushBatched } from "./batch.js";
import { NeedsValue } from "./builder.js";
import { Compiler } from "./compiler.js";
import {
  closed,
  type Declared,
  type Given,
  type GraphInput,
  type GraphOutput,
  type GraphPort,
  portOf,
  takeInput,
} from "./input.js";
import { Runner } from "./runner.js";
import { GraphStream, StreamContent } from "./stream.js";

export type { GraphInput, GraphNumbers, GraphOutput, GraphPort } from "./input.js";

/** Options of {@link openGraph}. */
export interface OpenGraphOptions {
  /**
   * What is known at opening, by the names of the graph's inputs: a value that is the same in every run (a number, or
   * `{ shape, data }`), or a shape (an array of integers) for which the graph is compiled at once.
   */
  inputs?: Readonly<Record<string, GraphInput | readonly number[]>> | undefined;
  /** The numbers that floats are computed in. Default: `"f64"` where the file has DOUBLE, else `"f32"`. */
  precision?: Precision | undefined;
  /** Bytes that weights, folded values and buffers may take. Default: 128 MiB and 16 times the file. */
  maximumBytes?: number | undefined;
  /** What to do about NaN and ±∞ among the weights. Default: `"allow"`, as graphs hold −∞ in masks. */
  nonFinite?: "reject" | "allow" | undefined;
}

const OPTIONS: OptionNames<OpenGraphOptions> = {
  inputs: true,
  precision: true,
  maximumBytes: true,
  nonFinite: true,
};

/** What a graph is run with. */
export type GraphInputs = Readonly<Record<string, GraphInput>>;
/** What it gives. */
export type GraphOutputs = Record<string, GraphOutput>;

/** Inputs of a graph that the output they are mapped to feeds, from push to push. */
export type StreamStates = Readonly<Record<string, string>>;

const NAME = "graph";

/** A compiled graph. Made by {@link openGraph}. */
export class Graph extends Handle {
  /** Takes over the caller's ownership. @internal */
  constructor(runner: Runner) {
    super(NAME, runner);
  }

  /** The graph's inputs, those fixed at opening left out. */
  get inputs(): Readonly<Record<string, GraphPort>> {
    const { compiler } = contentOf<Runner>("inputs", this);
    const open = compiler.inputs.filter(({ name }) => !compiler.isFixed(name));
    return Object.fromEntries(open.map((each) => [each.name, portOf(each)]));
  }

  /** The graph's outputs. */
  get outputs(): Readonly<Record<string, GraphPort>> {
    const { compiler } = contentOf<Runner>("outputs", this);
    return Object.fromEntries(compiler.outputs.map((each) => [each.name, portOf(each)]));
  }

  /** The numbers that floats are computed in. */
  get precision(): Precision {
    return contentOf<Runner>("precision", this).compiler.precision;
  }

  /**
   * Computes the outputs from the inputs.
   *
   * @param into outputs of an earlier run: where sizes are the same, their arrays are filled again, and the run makes no garbage
   * @throws {TypeError | ShapeError} for an input that is missing, of the wrong kind or shape
   * @throws {ModelFormatError} if the graph cannot be computed for these shapes
   */
  run(inputs: GraphInputs, into?: GraphOutputs): GraphOutputs {
    return contentOf<Runner>("run", this).run("run", inputs, into);
  }

  /**
   * A live stream: the inputs named in `states` are fed by outputs of the push before, and begin as zeros. Open extents of
   * a state count as 1 unless a shape was given at opening.
   *
   * @param states the input's name and the output's that feeds it, such as `{ state: "stateN" }`
   */
  stream(states: StreamStates): GraphStream {
    checkObject("stream", "states", states);
    return new GraphStream(new StreamContent(contentOf<Runner>("stream", this), states));
  }

  /**
   * One push of each stream, computed together where the graph allows it: each gives the same bits as alone.
   *
   * @param inputs what each stream is pushed
   * @param into what an earlier call returned, to be filled again
   * @returns the outputs, stream by stream
   */
  pushAll(
    streams: readonly GraphStream[],
    inputs: readonly GraphInputs[],
    into?: GraphOutputs[],
  ): GraphOutputs[] {
    const where = "pushAll";
    const runner = contentOf<Runner>(where, this);
    if (!Array.isArray(streams) || !Array.isArray(inputs) || streams.length !== inputs.length) {
      throw new ShapeError(`${where}: inputs: expected one for each of the streams`);
    }
    const contents = streams.map((stream) => {
      checkInstance(where, "streams", GraphStream, "what graph.stream gives", stream);
      const content = contentOf<StreamContent>(where, stream);
      if (content.runner !== runner) {
        throw new StateError(`${where}: streams: expected streams of this graph`);
      }
      return content;
    });
    if (new Set(contents).size !== contents.length) {
      throw new TypeError(`${where}: streams: expected each once`);
    }
    return pushBatched(where, runner, contents, inputs, into);
  }
}

/** A shape, or a value that is fixed. */
const isShape = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.every((extent) => Number.isSafeInteger(extent) && extent >= 0);

/**
 * Opens an ONNX graph: whatever operators it has (docs/graphs.md), with what is known of its inputs folded in.
 *
 * @throws {TypeError | ShapeError} for an argument of the wrong kind or shape
 * @throws {ModelFormatError} if the file breaks a rule or the graph has an operator that is not known: `code` says which
 * @throws {EngineMemoryError} if linear memory cannot hold it
 */
export function openGraph(
  engine: Engine,
  file: Uint8Array | ArrayBuffer,
  options: OpenGraphOptions = {},
): Graph {
  const where = "openGraph";
  const core = checkEngine(where, engine);
  checkOptions(where, options, OPTIONS);
  const { inputs = {}, precision } = options;
  checkObject(where, "inputs", inputs);
  if (precision !== undefined && precision !== "f64" && precision !== "f32") {
    throw new TypeError(`${where}: precision: expected "f64" or "f32", got ${String(precision)}`);
  }
  const bytes = fileBytes(where, "file", file);
  const nonFinite = options.nonFinite ?? "allow";
  const compiler = new Compiler(where, core, bytes, { ...options, nonFinite });
  const runner = new Runner(compiler);
  try {
    open(where, runner, inputs);
    return new Graph(runner);
  } catch (error) {
    runner.release();
    throw error;
  }
}

/** Takes what is known of the inputs, and compiles the graph if that is enough. */
function open(
  where: string,
  runner: Runner,
  inputs: Readonly<Record<string, GraphInput | readonly number[]>>,
): void {
  const { compiler } = runner;
  const names = compiler.inputs.map(({ name }) => name);
  const known = [...names, ...compiler.defaults.map(({ name }) => name)];
  const foreign = Object.keys(inputs).find((name) => !known.includes(name));
  if (foreign !== undefined) {
    throw new TypeError(`${where}: inputs: expected ${known.join(", ")}, got ${foreign}`);
  }
  for (const declared of compiler.defaults) {
    const value = inputs[declared.name] as GraphInput | undefined;
    if (value === undefined) continue;
    compiler.fix(declared, takeInput(where, declared, value));
  }
  const given = compiler.inputs.map((declared): Given | undefined => {
    const value = inputs[declared.name];
    if (value === undefined) {
      const shape = closed(declared);
      return shape && { shape, data: [] };
    }
    if (isShape(value)) return { shape: fixShape(where, runner, declared, value), data: [] };
    compiler.fix(declared, takeInput(where, declared, value as GraphInput));
    return undefined;
  });
  const enough = given.every(
    (each, i) => each !== undefined || compiler.isFixed(names[i] as string),
  );
  if (!enough) return;
  try {
    compiler.program(where, given);
  } catch (error) {
    // What sizes depend on comes with the first run.
    if (!(error instanceof NeedsValue)) throw error;
  }
}

function fixShape(
  where: string,
  runner: Runner,
  { name, shape: declared }: Declared,
  shape: readonly number[],
): readonly number[] {
  const fits =
    declared === undefined ||
    (declared.length === shape.length &&
      declared.every((extent, i) => typeof extent !== "number" || extent === shape[i]));
  if (!fits) {
    throw new ShapeError(
      `${where}: ${name}: expected (${declared?.join(", ")}), got (${shape.join(", ")})`,
    );
  }
  runner.shapes.set(name, shape);
  return shape;
}
