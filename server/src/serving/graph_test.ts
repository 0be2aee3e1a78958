import type { Backend, HostTensor, Step, TensorInfo } from "./backend.js";
import { checkFinite, checkSame, numberAt, testStream } from "./trial.js";
import type { WorkSignal } from "./work_signal.js";

type Tensors = Readonly<Record<string, HostTensor>>;

/** What the open extents of inputs are tried with, in turn; the first one is often the batch, which is 1. */
const EXTENTS = [1, 2, 8, 64, 512];

/**
 * Runs a graph twice, and one step of a stream.
 *
 * @param shapes of inputs; the others have those that the graph tells, whose open extents are tried
 * @throws if no run succeeds, or its outputs are not those that the graph tells of
 */
export async function testGraph(
  backend: Backend,
  shapes: Readonly<Record<string, readonly number[]>>,
  signal: WorkSignal,
): Promise<void> {
  checkShapes(backend.info.inputs, shapes);
  const [inputs, outputs] = await firstRun(backend, shapes, signal);
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
  shapes: Readonly<Record<string, readonly number[]>>,
  signal: WorkSignal,
): Promise<[inputs: Tensors, outputs: Tensors]> {
  const { inputs } = backend.info;
  const isOpen = inputs.some(({ name, shape }) => (shapes[name] ?? shape).includes(-1));
  let first: Error | undefined;
  for (const extent of isOpen ? EXTENTS : [1]) {
    const given = Object.fromEntries(
      inputs.map((input) => [input.name, tensorOf(input, shapes[input.name], extent)]),
    );
    try {
      return [given, await backend.run(given, { signal })];
    } catch (error) {
      signal.throwIfAborted();
      first ??= error as Error;
    }
  }
  const { message = "" } = first ?? {};
  if (!isOpen) throw new Error(message, { cause: first });
  const tried = `tried with ${EXTENTS.join(", ")} for extents that are open: name shapes in selfTest.shapes`;
  throw new Error(`${message} (${tried})`, { cause: first });
}

function checkShapes(
  inputs: readonly TensorInfo[],
  shapes: Readonly<Record<string, readonly number[]>>,
): void {
  const names = inputs.map(({ name }) => name);
  const extra = Object.keys(shapes).find((name) => !names.includes(name));
  if (extra === undefined) return;
  throw new Error(`selfTest.shapes: expected ${names.join(", ")}, got ${extra}`);
}

/** An input. Integers are 1: an id of any vocabulary, a length of any sequence. */
function tensorOf(
  { datatype, shape: told }: TensorInfo,
  given: readonly number[] | undefined,
  extent: number,
): HostTensor {
  const shape = (given ?? told).map((each, axis) => (each !== -1 ? each : axis === 0 ? 1 : extent));
  const length = shape.reduce((product, each) => product * each, 1);
  const numbers = (_: unknown, i: number): number => numberAt(i);
  switch (datatype) {
    case "FP64":
      return { shape, data: Float64Array.from({ length }, numbers) };
    case "FP32":
      return { shape, data: Float32Array.from({ length }, numbers) };
    case "INT64":
      return { shape, data: new BigInt64Array(length).fill(1n) };
    case "INT32":
      return { shape, data: new Int32Array(length).fill(1) };
    default:
      return { shape, data: new Uint8Array(length).fill(1) };
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
