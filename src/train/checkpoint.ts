import { ModelFormatError } from "../description/format_error.js";
import type { Bytes } from "../formats/bytes.js";
import { readSafetensors, type SafetensorsFile } from "../formats/safetensors/reader.js";
import { writeSafetensors } from "../formats/safetensors/writer.js";
import { formatShape, isNumbers, type Tensor } from "../tensor.js";
import type { Floats, Precision } from "../wasm/abi.js";
import { within } from "./checks.js";
import type { Optimizer } from "./optimizer.js";
import type { Parameter, Parameters } from "./parameters.js";
import type { Progress } from "./progress.js";
import type { CarriedStates } from "./states.js";

/** The metadata key of everything that is not a tensor, JSON. */
const KEY = "recurra.training";
const VERSION = 1;

/** The counters of a trainer. */
export interface Counters {
  updates: number;
  accumulated: number;
  /** Random numbers that dropout has drawn. */
  drawn: number;
  seed: number;
}

/** What a checkpoint saves and restores. */
export interface Checkpointed {
  readonly parameters: Parameters;
  readonly optimizer: Optimizer;
  readonly states: CarriedStates;
  readonly counters: Counters;
  readonly progress: Progress;
}

/**
 * Writes a checkpoint: weights under their names, `optimizer.MOMENT.NAME`, `gradient.NAME` within an accumulation, `best.NAME`
 * of early stopping, `state` if states are carried, and the counters in the metadata.
 */
export function writeCheckpoint(of: Checkpointed): Uint8Array {
  const { parameters, optimizer, states, counters, progress } = of;
  const { bestWeights, ...place } = progress;
  const tensors = new Map<string, Tensor<Float64Array | Float32Array>>();
  for (const { prefix, ...place } of places(of)) {
    for (const each of parameters.all)
      tensors.set(prefix + each.name, parameters.read(each, place));
  }
  for (const [name, tensor] of Object.entries(bestWeights ?? {}))
    tensors.set(`best.${name}`, tensor);
  if (states.m > 0) {
    const data = states.view().slice();
    tensors.set("state", { shape: [data.length], data });
  }
  const content = {
    version: VERSION,
    ...counters,
    progress: place,
    m: states.m,
    moments: optimizer.names,
    counts: optimizer.updates,
    frozen: parameters.all.filter(({ isFrozen }) => isFrozen).map(({ name }) => name),
  };
  return writeSafetensors(tensors, { [KEY]: JSON.stringify(content) });
}

/** The places of a checkpoint's tensors that have the layout of the parameters. */
function places({ parameters, optimizer, counters }: Checkpointed) {
  const weights = parameters.place;
  return [
    { prefix: "", ...weights },
    ...optimizer.names.map((name, i) => ({
      prefix: `optimizer.${name}.`,
      base: optimizer.pointers[i] as number,
      precision: "f64" as const,
    })),
    ...(counters.accumulated > 0
      ? [{ prefix: "gradient.", ...weights, base: parameters.gradients }]
      : []),
  ];
}

function fail(what: string): never {
  throw new ModelFormatError("state", `restore: ${what}`);
}

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;

/** The counters in a checkpoint's metadata. */
function readContent({ metadata }: SafetensorsFile) {
  const text = metadata.get(KEY);
  if (text === undefined) fail("expected a checkpoint of this package, got another file");
  let content: Record<string, unknown>;
  try {
    content = JSON.parse(text);
  } catch {
    fail(`${KEY}: expected JSON`);
  }
  if (typeof content !== "object" || content === null) fail(`${KEY}: expected an object`);
  if (content.version !== VERSION) {
    throw new ModelFormatError(
      "state-version",
      `restore: expected a checkpoint of version ${VERSION}, got ${String(content.version)}`,
    );
  }
  const count = (from: Record<string, unknown>, name: string): number => {
    const value = from[name];
    return isCount(value) ? value : fail(`${KEY}: ${name}: expected an integer ≥ 0`);
  };
  const list = (name: string): unknown[] => {
    const value = content[name];
    return Array.isArray(value) ? value : fail(`${KEY}: ${name}: expected a list`);
  };
  const place = content.progress as Record<string, unknown>;
  if (typeof place !== "object" || place === null) fail(`${KEY}: progress: expected an object`);
  const { best } = place;
  if (best !== undefined && typeof best !== "number") fail(`${KEY}: best: expected a number`);
  return {
    counters: {
      updates: count(content, "updates"),
      accumulated: count(content, "accumulated"),
      drawn: count(content, "drawn"),
      seed: count(content, "seed"),
    },
    progress: {
      epoch: count(place, "epoch"),
      batch: count(place, "batch"),
      steps: count(place, "steps"),
      best: best as number | undefined,
      waited: count(place, "waited"),
    },
    m: count(content, "m"),
    moments: list("moments"),
    counts: list("counts"),
    frozen: list("frozen"),
  };
}

/** A tensor of a checkpoint, which has the shape of a parameter. */
function tensorOf(
  file: SafetensorsFile,
  name: string,
  { shape }: Parameter,
  precision: Precision,
): Floats {
  const tensor = file.tensors.get(name);
  if (tensor === undefined) fail(`${JSON.stringify(name)}: expected a tensor, got none`);
  const { data } = tensor;
  const fits = tensor.shape.length === shape.length && shape.every((n, i) => n === tensor.shape[i]);
  if (!fits) {
    fail(
      `${JSON.stringify(name)}: expected ${formatShape(shape)}, got ${formatShape(tensor.shape)}`,
    );
  }
  const [kind, type] =
    precision === "f64"
      ? ([Float64Array, "float64"] as const)
      : ([Float32Array, "float32"] as const);
  if (!isNumbers(data, kind)) {
    fail(`${JSON.stringify(name)}: expected ${type} numbers, as the network has them`);
  }
  return data;
}

/**
 * Restores what `writeCheckpoint` saved.
 *
 * @throws {ModelFormatError} if the bytes are no checkpoint of this network and optimiser; nothing is changed then
 */
export function readCheckpoint(bytes: Bytes, into: Checkpointed): void {
  const { parameters, optimizer, states, counters, progress } = into;
  const file = within("restore", "readSafetensors", () => readSafetensors(bytes));
  const content = readContent(file);
  const { moments, counts, frozen, m } = content;
  if (moments.join() !== optimizer.names.join()) {
    fail(
      `optimizer: expected the moments ${optimizer.names.join(", ") || "none"}, got ${moments.join(", ") || "none"}`,
    );
  }
  if (counts.length !== parameters.all.length || !counts.every(isCount)) {
    fail(`counts: expected ${parameters.all.length} integers ≥ 0`);
  }
  const { precision } = parameters.dtype;
  const found = places({ ...into, counters: content.counters }).map(({ prefix, ...place }) => ({
    place,
    tensors: parameters.all.map((each) =>
      tensorOf(file, prefix + each.name, each, place.precision),
    ),
  }));
  const hasBest = file.tensors.has(`best.${parameters.all[0]?.name}`);
  const bestWeights = hasBest
    ? parameters.all.map((each): [string, Tensor<Floats>] => {
        const { name, shape } = each;
        return [name, { shape, data: tensorOf(file, `best.${name}`, each, precision) }];
      })
    : undefined;
  const state = m > 0 ? file.tensors.get("state")?.data : undefined;
  if (m > 0) {
    if (state === undefined) fail('"state": expected a tensor, got none');
    if (state.length !== states.elements(m)) {
      fail(`"state": expected ${states.elements(m)} numbers, got ${state.length}`);
    }
    states.reserve(m);
    states.view().set(state);
  } else states.clear();
  for (const { place, tensors } of found) {
    parameters.all.forEach((each, i) => {
      parameters.write(each, tensors[i] as Floats, place);
    });
  }
  for (const each of parameters.all) each.isFrozen = frozen.includes(each.name);
  optimizer.updates = counts as number[];
  Object.assign(counters, content.counters);
  Object.assign(progress, content.progress, {
    best: content.progress.best,
    bestWeights: bestWeights === undefined ? undefined : Object.fromEntries(bestWeights),
  });
}
