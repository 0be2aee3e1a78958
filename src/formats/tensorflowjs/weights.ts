import { formatShape } from "../../tensor.js";
import { fromF16 } from "../halves.js";
import { type Config, shown } from "../keras/config.js";
import type { StoredVariable } from "../keras/weights.js";

const LIMITS = { tensors: 10_000, name: 512, rank: 8 };

/** Bytes of an element that is not quantised, by dtype. */
const WIDTHS: Readonly<Record<string, number>> = { float32: 4, int32: 4, bool: 1 };
const QUANTISED: Readonly<Record<string, number>> = { uint8: 1, uint16: 2, float16: 2 };

/** A weight's entry in the manifest. */
interface Weight {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly size: number;
  readonly quantization?: { readonly dtype: string; readonly scale: number; readonly min: number };
}

/** Weights whose bytes follow each other through some shards. */
interface Group {
  readonly paths: readonly string[];
  readonly weights: readonly Weight[];
}

function readQuantization(entry: Config): Weight["quantization"] {
  const key = "quantization";
  if (entry.get(key) === undefined) return undefined;
  const settings = entry.child(key);
  const dtype = settings.get("dtype");
  if (typeof dtype !== "string" || !Object.hasOwn(QUANTISED, dtype)) {
    const found = shown(dtype);
    return settings.fail(
      "quantization",
      `expected ${Object.keys(QUANTISED).join(", ")}, got ${found}`,
      "dtype",
    );
  }
  if (dtype === "float16") return { dtype, scale: 1, min: 0 };
  const [scale, min] = (["scale", "min"] as const).map((name) => {
    const value = settings.get(name);
    if (typeof value === "number" && Number.isFinite(value)) return value;
    return settings.fail("quantization", `expected a number, got ${shown(value)}`, name);
  }) as [number, number];
  return { dtype, scale, min };
}

function readWeight(group: Config, value: unknown): Weight {
  const nameless = group.of("weights", value);
  const name = nameless.text("name");
  if (name.length > LIMITS.name) {
    nameless.fail(
      "name-too-long",
      `expected ≤ ${LIMITS.name} characters, got ${name.length}`,
      "name",
    );
  }
  const entry = group.of(name, value);
  const dtype = entry.text("dtype");
  if (!Object.hasOwn(WIDTHS, dtype)) {
    const expected = Object.keys(WIDTHS).join(", ");
    entry.fail("dtype", `expected ${expected}, got ${dtype.slice(0, 40)}`, "dtype", name);
  }
  const shape = entry.list("shape").map((extent) => {
    if (typeof extent === "number" && Number.isSafeInteger(extent) && extent >= 0) return extent;
    return entry.fail("integer", `expected integers ≥ 0, got ${shown(extent)}`, "shape", name);
  });
  if (shape.length > LIMITS.rank) {
    entry.fail(
      "rank-too-high",
      `expected rank ≤ ${LIMITS.rank}, got ${shape.length}`,
      "shape",
      name,
    );
  }
  const size = shape.reduce((product, extent) => product * extent, 1);
  if (!Number.isSafeInteger(8 * size)) {
    const what = `expected fewer than 2^53 bytes, got ${formatShape(shape)}`;
    entry.fail("shape-overflow", what, "shape", name);
  }
  const quantization = readQuantization(entry);
  return { name, dtype, shape, size, ...(quantization === undefined ? {} : { quantization }) };
}

function readGroups(model: Config, maximumBytes: number): Group[] {
  const seen = new Set<string>();
  const named = new Set<string>();
  let count = 0;
  const groups = model.list("weightsManifest").map((value, i): Group => {
    const group = model.of(`weightsManifest ${i}`, value);
    const paths = group.list("paths").map((path) => {
      if (typeof path !== "string") {
        return group.fail("manifest", "expected the names of shards", "paths");
      }
      if (named.has(path)) {
        group.fail("manifest", `expected each shard once, got ${shown(path)} twice`, "paths");
      }
      named.add(path);
      return path;
    });
    const list = group.list("weights");
    count += list.length;
    if (count > LIMITS.tensors) {
      group.fail("too-many-tensors", `expected ≤ ${LIMITS.tensors} weights, got more`);
    }
    const weights = list.map((each) => readWeight(group, each));
    for (const { name } of weights) {
      if (seen.has(name))
        group
          .of(name, {})
          .fail("duplicate-key", "expected one weight of this name, got another", "", name);
      seen.add(name);
    }
    return { paths, weights };
  });
  let needed = 0;
  for (const { weights } of groups) for (const { size } of weights) needed += 4 * size;
  if (needed > maximumBytes) {
    const what = `expected weights of ≤ ${maximumBytes} bytes (maximumBytes), got ${needed}`;
    model.fail("too-large", what, "weightsManifest");
  }
  return groups;
}

/** The paths of the shards that a model.json names, in its order, once its manifest is checked. */
export const readShardPaths = (model: Config, maximumBytes: number): string[] =>
  readGroups(model, maximumBytes).flatMap(({ paths }) => paths);

/** Shards one behind the other. */
class Shards {
  readonly #parts: readonly Uint8Array[];
  /** Where each part begins. */
  readonly #starts: number[] = [];
  readonly length: number;

  constructor(parts: readonly Uint8Array[]) {
    let length = 0;
    for (const part of parts) {
      this.#starts.push(length);
      length += part.length;
    }
    this.#parts = parts;
    this.length = length;
  }

  /** The last part that begins at or before a byte. */
  #partAt(byte: number): number {
    let [low, high] = [0, this.#starts.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.#starts[middle] as number) <= byte) low = middle;
      else high = middle;
    }
    return low;
  }

  /** A copy of the bytes from `begin` on; they may lie in several parts. */
  copy(begin: number, length: number): Uint8Array<ArrayBuffer> {
    const copy = new Uint8Array(length);
    for (let i = this.#partAt(begin), done = 0; done < length; i++) {
      const from = begin + done - (this.#starts[i] as number);
      const bytes = (this.#parts[i] as Uint8Array).subarray(from, from + length - done);
      copy.set(bytes, done);
      done += bytes.length;
    }
    return copy;
  }
}

const storedWidth = ({ dtype, quantization }: Weight): number =>
  (quantization === undefined ? WIDTHS[dtype] : QUANTISED[quantization.dtype]) as number;

/** The numbers of a weight from its own bytes, in f32 as TensorFlow.js has them. */
function decode({ dtype, size, quantization }: Weight, buffer: ArrayBuffer): Float32Array {
  if (quantization === undefined) {
    if (dtype === "float32") return new Float32Array(buffer);
    return Float32Array.from(dtype === "int32" ? new Int32Array(buffer) : new Uint8Array(buffer));
  }
  if (quantization.dtype === "float16") return fromF16(new Uint16Array(buffer));
  const steps = quantization.dtype === "uint8" ? new Uint8Array(buffer) : new Uint16Array(buffer);
  const data = new Float32Array(size);
  const { scale, min } = quantization;
  // In f64 and rounded once, as TensorFlow.js does.
  for (let i = 0; i < size; i++) data[i] = (steps[i] as number) * scale + min;
  return data;
}

/**
 * The weights of a layers model by name. The manifest is held against the lengths of the shards; no number is read yet.
 *
 * @param model model.json
 * @param shards in the order of the manifest's paths, or one that holds them all
 */
export function readManifest(
  model: Config,
  shards: readonly Uint8Array[],
  maximumBytes: number,
): Map<string, StoredVariable> {
  const groups = readGroups(model, maximumBytes);
  const paths = groups.flatMap((group) => group.paths);
  const isWhole = shards.length === 1 && paths.length !== 1;
  if (!isWhole && shards.length !== paths.length) {
    const missing = paths[shards.length]?.slice(0, 64);
    const what = `expected ${paths.length} shards, got ${shards.length}`;
    const hint = missing === undefined ? "" : `: ${missing} is missing`;
    model.fail("shards", what + hint, "weightsManifest");
  }
  const variables = new Map<string, StoredVariable>();
  const checkEnd = (at: number, { length }: Shards): void => {
    if (at === length) return;
    const what = `expected the shards to end with the last weight, got ${length - at} bytes more`;
    model.fail("trailing-bytes", what, "weightsManifest");
  };
  let [first, at] = [0, 0];
  let own = new Shards(shards);
  for (const group of groups) {
    if (!isWhole) {
      own = new Shards(shards.slice(first, first + group.paths.length));
      first += group.paths.length;
      at = 0;
    }
    for (const weight of group.weights) {
      const { name, shape } = weight;
      const [from, bytes, source] = [at, weight.size * storedWidth(weight), own];
      if (bytes > source.length - from) {
        const what = `expected ${bytes} bytes for shape ${formatShape(shape)}, got ${source.length - from}`;
        model.of(name, {}).fail("shard-short", what, "", name);
      }
      const read = (): Float32Array => decode(weight, source.copy(from, bytes).buffer);
      variables.set(name, { name, shape, identity: weight, read });
      at += bytes;
    }
    if (!isWhole) checkEnd(at, own);
  }
  if (isWhole) checkEnd(at, own);
  return variables;
}
