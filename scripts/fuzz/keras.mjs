import { readFileSync } from "node:fs";
import { unzipSync, zipSync } from "fflate";
import * as h5wasm from "h5wasm";
import { describeKeras } from "recurra/keras";
import { mutateJson, mutateText } from "./json.mjs";
import { flipBytes, INTEGERS, resize } from "./random.mjs";

export const name = "keras";

await h5wasm.ready;

/** The datasets of an HDF5 file, written anew in another format, in one piece or in chunks. */
function rewritten(bytes, libver, chunked) {
  const { FS } = h5wasm;
  FS.writeFile("from.h5", bytes);
  const from = new h5wasm.File("from.h5", "r");
  const to = new h5wasm.File("to.h5", "w", { libver });
  const copy = (source, target) => {
    for (const key of source.keys()) {
      const item = source.get(key);
      if (item instanceof h5wasm.Group) copy(item, target.create_group(key));
      else {
        const { shape } = item;
        // h5wasm knows no 16-bit floats.
        const isHalf = item.dtype.includes("e");
        const data = isHalf
          ? new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.25)
          : item.value;
        const dtype = isHalf ? "<f" : item.dtype;
        const chunks = chunked
          ? { chunks: shape.map((n) => Math.ceil(n / 2)), compression: 3 }
          : {};
        target.create_dataset({ name: key, data, shape, dtype, ...chunks });
      }
    }
  };
  copy(from, to);
  from.close();
  to.close();
  return Uint8Array.from(FS.readFile("to.h5"));
}

export function corpus(fixtures) {
  const files = unzipSync(readFileSync(`${fixtures}/keras/h5py.keras`));
  const config = JSON.parse(new TextDecoder().decode(files["config.json"]));
  const metadata = JSON.parse(new TextDecoder().decode(files["metadata.json"]));
  const weights = files["model.weights.h5"];
  const libvers = [["earliest", "latest"], "v108", "latest"];
  return [
    weights,
    ...libvers.map((libver) => rewritten(weights, libver, false)),
    rewritten(weights, libvers[0], true),
    rewritten(weights, "v108", true),
  ].map((each) => ({ config, metadata, weights: each }));
}

const SIGNATURES = [
  "TREE",
  "SNOD",
  "HEAP",
  "GCOL",
  "OHDR",
  "OCHK",
  "FRHP",
  "FHDB",
  "FHIB",
  "BTHD",
  "BTLF",
  "BTIN",
];

/** Changes fields behind the signatures of structures: their counts, sizes and addresses. */
function mutateHdf5(random, bytes) {
  const copy = Uint8Array.from(bytes);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const places = [0];
  for (const signature of SIGNATURES) {
    for (let at = text.indexOf(signature, 0, "latin1"); at >= 0; ) {
      places.push(at);
      at = text.indexOf(signature, at + 1, "latin1");
    }
  }
  const view = new DataView(copy.buffer);
  for (let i = 1 + random.below(5); i > 0; i--) {
    const begin = random.pick(places);
    const at = Math.min(begin + random.below(80), copy.length - 8);
    const kind = random.below(5);
    if (kind === 0) view.setUint8(at, random.below(256));
    else if (kind === 1) view.setUint16(at, random.pick(INTEGERS), true);
    else if (kind === 2) view.setUint32(at, random.pick(INTEGERS), true);
    else {
      // An address or a size, eight bytes from a multiple of eight after the structure's head.
      const place = Math.min(begin + 8 * random.below(10), copy.length - 8);
      const value = random.pick([
        () => random.pick(places),
        () => random.pick(places),
        () => copy.length - random.below(100),
        () => random.pick(INTEGERS),
      ])();
      view.setBigUint64(place, BigInt.asUintN(64, BigInt(value)), true);
    }
  }
  seal(copy, places);
  return copy;
}

const rotate = (x, k) => (x << k) | (x >>> (32 - k));

/** Bob Jenkins' lookup3, the checksum of newer structures. */
function lookup3(bytes) {
  const padded = new Uint8Array(12 * Math.ceil(bytes.length / 12));
  padded.set(bytes);
  const words = new Int32Array(padded.buffer);
  let [a, b, c] = Array(3).fill((0xdeadbeef + bytes.length) | 0);
  for (let i = 0; i < words.length; i += 3) {
    [a, b, c] = [(a + words[i]) | 0, (b + words[i + 1]) | 0, (c + words[i + 2]) | 0];
    if (i + 3 === words.length) break;
    for (const k of [4, 6, 8, 16, 19, 4]) [a, b, c] = [b, (c + b) | 0, (a - c) ^ rotate(c, k)];
  }
  for (const k of [14, 11, 25, 16, 4, 14, 24]) [a, b, c] = [b, (c ^ b) - rotate(b, k), a];
  return b >>> 0;
}

/** Gives changed structures the checksums that they would have, so that readers go on to what they say. */
function seal(bytes, places) {
  const view = new DataView(bytes.buffer);
  const lengths = { FRHP: 142, BTHD: 34 };
  for (const at of places) {
    const signature = at === 0 ? "superblock" : String.fromCharCode(...bytes.subarray(at, at + 4));
    let length = at === 0 && bytes[8] >= 2 ? 44 : lengths[signature];
    if (signature === "OHDR" && at + 20 < bytes.length) {
      const flags = bytes[at + 5];
      const width = 2 ** (flags & 3);
      const start = 6 + (flags & 0x20 ? 16 : 0) + (flags & 0x10 ? 4 : 0);
      length = start + width + (width === 1 ? bytes[at + start] : view.getUint16(at + start, true));
    }
    if (length === undefined || at + length + 4 > bytes.length) continue;
    view.setUint32(at + length, lookup3(bytes.subarray(at, at + length)), true);
  }
}

const text = (value) => new TextEncoder().encode(JSON.stringify(value));

/** The file of a sample, as Keras packs it or deflated. */
export function pack({ config, metadata, weights }, level = 0) {
  const files = {
    "metadata.json": text(metadata),
    "config.json": typeof config === "string" ? new TextEncoder().encode(config) : text(config),
    "model.weights.h5": weights,
  };
  return zipSync(files, { level, mtime: "2026-11-01" });
}

/** Changes fields of an archive's directory, which lies at its end, or of a local header. */
function mutateZip(random, bytes) {
  const copy = Uint8Array.from(bytes);
  const text = Buffer.from(copy.buffer);
  const heads = ["PK\x01\x02", "PK\x03\x04", "PK\x05\x06"].map((signature) => {
    const places = [];
    for (let at = text.indexOf(signature, 0, "latin1"); at >= 0; ) {
      places.push(at);
      at = text.indexOf(signature, at + 1, "latin1");
    }
    return places;
  });
  const view = new DataView(copy.buffer);
  for (let i = 1 + random.below(3); i > 0; i--) {
    const at = random.pick(random.pick(heads)) + 4 + 2 * random.below(21);
    if (at + 4 > copy.length) continue;
    if (random.chance(0.5)) view.setUint16(at, random.pick(INTEGERS), true);
    else view.setUint32(at, random.pick(INTEGERS), true);
  }
  return copy;
}

export function mutate(random, sound) {
  const { config, metadata, weights } = sound;
  const level = random.pick([0, 0, 6]);
  return random.pick([
    () => pack({ ...sound, weights: mutateHdf5(random, weights) }, level),
    () => pack({ ...sound, weights: mutateHdf5(random, weights) }, level),
    () => pack({ ...sound, weights: flipBytes(random, weights, 12) }, level),
    () => pack({ ...sound, weights: resize(random, weights) }, level),
    () => pack({ ...sound, config: mutateJson(random, config) }, level),
    () => pack({ ...sound, config: mutateJson(random, config) }, level),
    () => pack({ ...sound, config: mutateText(random, JSON.stringify(config)) }, level),
    () => pack({ ...sound, metadata: mutateJson(random, metadata) }, level),
    () => mutateZip(random, pack(sound, level)),
    () => flipBytes(random, pack(sound, level)),
    () => resize(random, pack(sound, level)),
  ])();
}

export const read = (bytes, options) => describeKeras(bytes, { ...options, masking: "ragged" });
