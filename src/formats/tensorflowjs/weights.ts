import type { StoredNumbers } from "../../description/description.js";
import { formatShape } from "../../tensor.js";
import { fromF16 } from "../halves.js";
import { type Config, shown } from "../keras/config.js";

const LIMITS = { tensors: 10_000, name: 512, rank: 8 };

/** Bytes of an element, as it is stored without quantisation. */
const WIDTHS: Readonly<Record<string, number>> = { float32: 4, int32: 4, bool: 1 };
const QUANTISED: Readonly<Record<string, number>> = { uint8: 1, uint16: 2, float16: 2 };

/** A weight as the manifest has it. */
interface Weight {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly size: number;
  readonly quantization?: { readonly dtype: string; readonly scale: number; readonly min: number };
}

/** Weights whose bytes lie one behind the other, in that many shards. */
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

function readGroups(model: Config): Group[] {
  const seen = new Set<string>();
  let count = 0;
  return model.list("weightsManifest").map((value, i) => {
    const group = model.of(`weightsManifest ${i}`, value);
    const paths = group.list("paths").map((path) => {
      if (typeof path === "string") return path;
      return group.fail("manifest", "expected the names of shards", "paths");
    });
    const list = group.list("weights");
    count += list.length;
    if (count > LIMITS.tensors) {
      group.fail("too-many-tensors", `expected ≤ ${LIMITS.tensors} weights, got more`);
    }
    const weights = list.map((each) => readWeight(group, each));
    for (const { name } of weights) {
      if (seen.has(name))
        group.of(name, {}).fail("duplicate-key", "the name stands twice", "", name);
      seen.add(name);
    }
    return { paths, weights };
  });
}

/** One piece of memory with the bytes of all parts. */
function join(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const storedWidth = ({ dtype, quantization }: Weight): number =>
  (quantization === undefined ? WIDTHS[dtype] : QUANTISED[quantization.dtype]) as number;

/** The numbers of a weight from its own bytes, in f32 as TensorFlow.js has them. */
function decode({ dtype, shape, size, quantization }: Weight, bytes: Uint8Array): StoredNumbers {
  const { buffer } = new Uint8Array(bytes);
  if (quantization === undefined) {
    const Kind = { float32: Float32Array, int32: Int32Array }[dtype] ?? Uint8Array;
    const stored = new Kind(buffer);
    return { shape, data: stored instanceof Float32Array ? stored : Float32Array.from(stored) };
  }
  if (quantization.dtype === "float16") return { shape, data: fromF16(new Uint16Array(buffer)) };
  const steps = quantization.dtype === "uint8" ? new Uint8Array(buffer) : new Uint16Array(buffer);
  const data = new Float32Array(size);
  const { scale, min } = quantization;
  // In f64 and rounded once, as TensorFlow.js does.
  for (let i = 0; i < size; i++) data[i] = (steps[i] as number) * scale + min;
  return { shape, data };
}

/**
 * The weights of a layers model by name.
 *
 * @param model model.json
 * @param shards in the order of the manifest's paths, or one that holds them all
 */
export function readManifest(
  model: Config,
  shards: readonly Uint8Array[],
  maximumBytes: number,
): Map<string, StoredNumbers> {
  const groups = readGroups(model);
  let needed = 0;
  for (const { weights } of groups) for (const { size } of weights) needed += 4 * size;
  if (needed > maximumBytes) {
    const what = `expected weights of ≤ ${maximumBytes} bytes (maximumBytes), got ${needed}`;
    model.fail("too-large", what, "weightsManifest");
  }
  const paths = groups.reduce((count, group) => count + group.paths.length, 0);
  const whole = shards.length === 1 && paths !== 1;
  if (!whole && shards.length !== paths) {
    const missing = groups.flatMap((group) => group.paths)[shards.length]?.slice(0, 64);
    const what = `expected ${paths} shards, got ${shards.length}`;
    model.fail(
      "shards",
      missing === undefined ? what : `${what}: ${missing} is missing`,
      "weightsManifest",
    );
  }
  const tensors = new Map<string, StoredNumbers>();
  let [shard, rest] = [0, whole ? (shards[0] as Uint8Array) : new Uint8Array(0)];
  const trailing = (): void => {
    if (rest.length === 0) return;
    const what = `expected the shards to end with the last weight, got ${rest.length} bytes more`;
    model.fail("trailing-bytes", what, "weightsManifest");
  };
  for (const { paths: own, weights } of groups) {
    if (!whole) {
      trailing();
      rest = join(shards.slice(shard, shard + own.length));
      shard += own.length;
    }
    for (const weight of weights) {
      const bytes = weight.size * storedWidth(weight);
      if (bytes > rest.length) {
        const what = `expected ${bytes} bytes for shape ${formatShape(weight.shape)}, got ${rest.length}`;
        model.of(weight.name, {}).fail("shard-short", what, "", weight.name);
      }
      tensors.set(weight.name, decode(weight, rest.subarray(0, bytes)));
      rest = rest.subarray(bytes);
    }
  }
  trailing();
  return tensors;
}
