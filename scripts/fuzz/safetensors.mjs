import { readdirSync, readFileSync } from "node:fs";
import { describeSafetensors, readSafetensors, writeModel } from "recurra/safetensors";
import { mutateJson, mutateText } from "./json.mjs";
import { flipBytes, INTEGERS, resize } from "./random.mjs";

const WIDTHS = { F64: 8, F32: 4, F16: 2, BF16: 2 };
const PARTS = [
  "weight_ih",
  "weight_hh",
  "bias_ih",
  "bias_hh",
  "weight_hr",
  "peephole",
  "weight",
  "bias",
];

export const name = "safetensors";

/** Header and data of each fixture. */
export function corpus(fixtures) {
  const folder = `${fixtures}/torch-files`;
  return readdirSync(folder)
    .filter((file) => file.endsWith(".safetensors"))
    .map((file) => {
      const bytes = Uint8Array.from(readFileSync(`${folder}/${file}`));
      const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
      const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
      return { header, data: bytes.subarray(8 + length) };
    });
}

function fileOf(text, data, declared) {
  const header = new TextEncoder().encode(text);
  const bytes = new Uint8Array(8 + header.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(declared ?? header.length), true);
  bytes.set(header, 8);
  bytes.set(data, 8 + header.length);
  return bytes;
}

/** Renames, drops, doubles and reshapes tensors, and lays them out anew, so that the reader goes on to their meaning. */
function rearranged(random, { header, data }) {
  const { __metadata__: metadata = {}, ...entries } = header;
  let tensors = Object.entries(entries).map(
    ([
      key,
      {
        dtype,
        shape,
        data_offsets: [begin, end],
      },
    ]) => ({
      key,
      dtype,
      shape: [...shape],
      bytes: data.subarray(begin, end),
    }),
  );
  const notes = { ...metadata };
  for (let i = 1 + random.below(4); i > 0 && tensors.length > 0; i--) {
    const tensor = random.pick(tensors);
    const kind = random.below(7);
    if (kind === 0) tensors = tensors.filter((each) => each !== tensor);
    else if (kind === 1) {
      tensor.key = random.pick([
        tensor.key.replace(/l\d/, `l${random.pick([0, 1, 2, 9999])}`),
        `${tensor.key}_reverse`,
        `${random.pick(["", "lstm.", "rnn2.", "encoder.", "decoder."])}${random.pick(PARTS)}`,
        "n".repeat(512),
      ]);
    } else if (kind === 2) {
      const copy = { ...tensor, key: tensor.key.replace(/^\w*/, `copy${random.below(20)}`) };
      tensors.push(copy);
    } else if (kind === 3) {
      tensor.shape = random.pick([
        [...tensor.shape].reverse(),
        [tensor.shape.reduce((a, b) => a * b, 1)],
        [1, ...tensor.shape],
        [],
        tensor.shape.map((extent) => extent + 1),
        [0, 3],
      ]);
    } else if (kind === 4) tensor.dtype = random.pick(Object.keys(WIDTHS));
    else if (kind === 5) notes[`alias${random.below(9)}.${random.pick(PARTS)}_l0`] = tensor.key;
    else notes["recurra.network"] = JSON.stringify(mutateJson(random, NETWORK));
  }
  const written = { __metadata__: notes };
  const parts = [];
  let at = 0;
  for (const { key, dtype, shape, bytes } of tensors) {
    const length = Math.min(2 ** 16, shape.reduce((a, b) => a * b, 1) * WIDTHS[dtype]);
    const own = new Uint8Array(length);
    own.set(bytes.subarray(0, length));
    written[key] = { dtype, shape, data_offsets: [at, at + length] };
    parts.push(own);
    at += length;
  }
  return fileOf(JSON.stringify(written), Buffer.concat(parts));
}

const NETWORK = {
  input: { kind: "features" },
  recurrent: [{ name: "lstm", options: { clip: 2, activations: ["sigmoid", "tanh", "tanh"] } }],
  dense: [{ name: "decoder", activation: "softmax" }],
  output: "last",
};

/** The file of an unchanged sample. */
export const pack = ({ header, data }) => fileOf(JSON.stringify(header), data);

export function mutate(random, { header, data }) {
  const text = JSON.stringify(header);
  return random.pick([
    (sound) => rearranged(random, sound),
    (sound) => rearranged(random, sound),
    () => fileOf(JSON.stringify(mutateJson(random, header)), data),
    () => fileOf(mutateText(random, text), data),
    () => fileOf(text, flipBytes(random, data, 40)),
    () => fileOf(text, resize(random, data)),
    () => fileOf(text, data, random.pick(INTEGERS.filter((n) => n >= 0))),
    () => resize(random, fileOf(text, data)),
    () => flipBytes(random, fileOf(text, data)),
  ])({ header, data });
}

/** The description; what is described can also be written. */
export function read(bytes, options) {
  const description = describeSafetensors(readSafetensors(bytes, options));
  writeModel(description);
  return description;
}
