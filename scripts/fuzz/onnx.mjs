import { readFileSync } from "node:fs";
import { describeOnnx, readOnnx } from "recurra/onnx";
import { flipBytes, INTEGERS, resize } from "./random.mjs";

export const name = "onnx";

const [VARINT, FIXED64, BYTES, FIXED32] = [0, 1, 2, 5];

export const corpus = (fixtures) =>
  ["chains", "nodes"].flatMap((file) =>
    JSON.parse(readFileSync(`${fixtures}/onnx/${file}.json`, "utf8")).map(({ model }) =>
      Uint8Array.from(Buffer.from(model, "base64")),
    ),
  );

function readVarint(bytes, at) {
  let value = 0n;
  for (let shift = 0n; shift < 70n && at < bytes.length; shift += 7n) {
    const byte = bytes[at++];
    value |= BigInt(byte & 127) << shift;
    if (byte < 128) return [value, at];
  }
  return undefined;
}

function varint(value) {
  const bytes = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return [...bytes, Number(rest)];
}

/** The fields of a message, those that are messages themselves with fields of their own; undefined for other bytes. */
function parse(bytes, depth = 0) {
  const fields = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = readVarint(bytes, at);
    if (tag === undefined || tag[0] < 8n || tag[0] > 8n * 100n) return undefined;
    const [number, type] = [Number(tag[0] >> 3n), Number(tag[0] & 7n)];
    at = tag[1];
    if (type === VARINT) {
      const value = readVarint(bytes, at);
      if (value === undefined) return undefined;
      fields.push({ number, type, value: value[0] });
      at = value[1];
      continue;
    }
    const length =
      type === BYTES ? readVarint(bytes, at) : [{ [FIXED64]: 8n, [FIXED32]: 4n }[type], at];
    if (length?.[0] === undefined) return undefined;
    const [begin, end] = [length[1], length[1] + Number(length[0])];
    if (end > bytes.length) return undefined;
    const value = bytes.subarray(begin, end);
    const inner =
      type === BYTES && depth < 8 && value.length > 1 ? parse(value, depth + 1) : undefined;
    fields.push({ number, type, value, ...(inner ? { fields: inner } : {}) });
    at = end;
  }
  return fields;
}

function write(fields) {
  return Buffer.concat(
    fields.map(({ number, type, value, fields: inner, length }) => {
      const tag = varint(BigInt(number) * 8n + BigInt(type));
      if (type === VARINT) return Buffer.from([...tag, ...varint(value)]);
      const content = inner === undefined ? value : write(inner);
      const size = type === BYTES ? varint(length ?? content.length) : [];
      return Buffer.concat([Buffer.from([...tag, ...size]), content]);
    }),
  );
}

/** All lists of fields of a message and of those in it. */
const listsOf = (fields) => [
  fields,
  ...fields.flatMap((field) => (field.fields ? listsOf(field.fields) : [])),
];

function mutateFields(random, bytes) {
  const root = parse(bytes);
  for (let i = 1 + random.below(4); i > 0; i--) {
    const lists = listsOf(root).filter((list) => list.length > 0);
    if (lists.length === 0) break;
    const list = random.pick(lists);
    const at = random.below(list.length);
    const field = list[at];
    const kind = random.below(7);
    if (kind === 0) list.splice(at, 1);
    else if (kind === 1) list.splice(at, 0, ...Array(random.pick([1, 3, 50])).fill(field));
    else if (kind === 2) field.number = random.pick([1, 2, 3, 4, 5, 7, 8, 9, 13, 14, 20]);
    else if (kind === 3) list.push(structuredClone(random.pick(random.pick(lists))));
    else if (field.type === VARINT) field.value = BigInt(random.pick(INTEGERS));
    else if (field.type === BYTES && kind === 4)
      field.length = random.pick([0, 1, 2 ** 31, 2 ** 40]);
    else if (field.fields === undefined) field.value = flipBytes(random, field.value, 3);
  }
  return write(root);
}

/** The file of an unchanged sample. */
export const pack = (sample) => sample;

export const mutate = (random, sound) =>
  random.pick([
    () => mutateFields(random, sound),
    () => mutateFields(random, sound),
    () => mutateFields(random, sound),
    () => flipBytes(random, sound),
    () => resize(random, sound),
  ])();

/** The description; the nodes are listed first, which takes another way through the file. */
export function read(bytes, options) {
  readOnnx(bytes, options);
  return describeOnnx(bytes, options);
}
