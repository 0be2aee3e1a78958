import type { Backend, HostTensor, Step, TensorInfo } from "./backend.js";
import { checkFinite, checkSame, numberAt, testStream } from "./trial.js";
import type { WorkSignal } from "./work_signal.js";

type Tensors = Readonly<Record<string, HostTensor>>;

/** What the settings tell of the inputs of a test, by their names. */
export interface GraphTrial {
  readonly shapes?: Readonly<Record<string, readonly number[]>>;
  /** The number that an input has in all places. */
  readonly values?: Readonly<Record<string, number>>;
}

/** What the open extents of inputs are tried with, in turn; the first one is often the batch, which is 1. */
const EXTENTS = [1, 2, 8, 64, 512];

/**
 * Runs a graph twice, and one step of a stream.
 *
 * @param trial of inputs; the others have the shapes that the graph tells, whose open extents are tried
 * @throws if no run succeeds, or its outputs are not those that the graph tells of
 */
export async function testGraph(
  backend: Backend,
  trial: GraphTrial,
  signal: WorkSignal,
): Promise<void> {
  checkNames(backend.info.inputs, "shapes", trial.shapes);
  checkNames(backend.info.inputs, "values", trial.values);
  const [inputs, outputs] = await firstRun(backend, trial, signal);
  checkOutputs(backend.info.outputs, outputs);
  compare("", outputs, await backend.run(inputs, { signal }));
  // Without its states a run begins where a stream does.
  await testStream(backend, [inputs], ([step]) => {
    const found = step as Exclude<Step, number | string | Float32Array | Float64Array>;
    compare(" of a stream", pick(outputs, Object.keys(found)), found);
  });
}

/** Runs the graph with the first extents that it takes. */
async function firstRun(
  backend: Backend,
  trial: GraphTrial,
  signal: WorkSignal,
): Promise<[inputs: Tensors, outputs: Tensors]> {
  const { inputs } = backend.info;
  const { shapes = {} } = trial;
  const isOpen = inputs.some(({ name, shape }) => (shapes[name] ?? shape).includes(-1));
  let first: Error | undefined;
  for (const extent of isOpen ? EXTENTS : [1]) {
    const given = Object.fromEntries(
      inputs.map((input) => [input.name, tensorOf(input, trial, extent)]),
    );
    try {
      return [given, await backend.run(given, { signal })];
    } catch (error) {
      signal.throwIfAborted();
      first ??= error as Error;
    }
  }
  const { message = "" } = first ?? {};
  const extents = isOpen ? `, and ${EXTENTS.join(", ")} for extents that are open` : "";
  const advice = "name the right ones in selfTest.shapes and selfTest.values of its settings";
  throw new Error(`${message} (tried with 1 for integers${extents}: ${advice})`, { cause: first });
}

function checkNames(
  inputs: readonly TensorInfo[],
  member: keyof GraphTrial,
  given: object = {},
): void {
  const names = inputs.map(({ name }) => name);
  const extra = Object.keys(given).find((name) => !names.includes(name));
  if (extra === undefined) return;
  throw new Error(`selfTest.${member}: expected ${names.join(", ")}, got ${extra}`);
}

/** An input. Integers are 1: an id of any vocabulary, a length of any sequence. */
function tensorOf(
  { name, datatype, shape: told }: TensorInfo,
  { shapes = {}, values = {} }: GraphTrial,
  extent: number,
): HostTensor {
  const shape = (shapes[name] ?? told).map((each, axis) =>
    each !== -1 ? each : axis === 0 ? 1 : extent,
  );
  const length = shape.reduce((product, each) => product * each, 1);
  const value = values[name];
  const numbers = (_: unknown, i: number): number => value ?? numberAt(i);
  switch (datatype) {
    case "FP64":
      return { shape, data: Float64Array.from({ length }, numbers) };
    case "FP32":
      return { shape, data: Float32Array.from({ length }, numbers) };
    case "INT64":
      return { shape, data: new BigInt64Array(length).fill(BigInt(Math.round(value ?? 1))) };
    case "INT32":
      return { shape, data: new Int32Array(length).fill(value ?? 1) };
    default:
      return { shape, data: new Uint8Array(length).fill(value ?? 1) };
  }
}

/** Each output that the graph tells of is there, in its shape, and finite. */
function checkOutputs(told: readonly TensorInfo[], outputs: Tensors): void {
  for (const { name, shape } of told) {
    const found = outputs[name];
    if (found === undefined) throw new Error(`output ${name}: it is missing`);
    // A graph that does not tell the shape of an output tells none.
    const fits =
      shape.length === 0 ||
      (shape.length === found.shape.length &&
        shape.every((extent, axis) => extent === -1 || extent === found.shape[axis]));
    const length = found.shape.reduce((product, extent) => product * extent, 1);
    if (!fits || length !== found.data.length) {
      const got = found.shape.join(", ");
      throw new Error(`output ${name}: expected shape (${shape.join(", ")}), got (${got})`);
    }
    checkFinite(`output ${name}`, found.data);
  }
}

function compare(where: string, first: Tensors, second: Tensors): void {
  for (const [name, { data }] of Object.entries(first))
    checkSame(`output ${name}${where}`, data, second[name]?.data ?? []);
}

const pick = (tensors: Tensors, names: readonly string[]): Tensors =>
  Object.fromEntries(Object.entries(tensors).filter(([name]) => names.includes(name)));
