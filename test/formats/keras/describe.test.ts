import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "vitest";
import type { StoredNumbers } from "../../../src/description/description.js";
import { Hdf5File } from "../../../src/formats/hdf5/file.js";
import { describeKeras } from "../../../src/formats/keras.js";
import { readSafetensors } from "../../../src/formats/safetensors.js";
import { describeTensorflowJs } from "../../../src/formats/tensorflowjs.js";
import { createEngineSync, loadLanguageModel } from "../../../src/index.js";
import { runDescribed } from "../../oracle/model.js";
import type { Stored } from "../../oracle/tensor.js";
import { relativeError } from "../../support/compare.js";
import { fixtures, shakespeare } from "../../support/fixtures.js";
import {
  archive,
  asKeras,
  caseOf,
  cases,
  hdf5,
  kerasLayer,
  type Libver,
  type StoredVariable,
  sequential,
} from "../../support/keras.js";
import { root } from "../../support/project.js";
import type { TorchCase } from "../../support/torch.js";

const engine = createEngineSync();
const read = (path: string): Uint8Array => Uint8Array.from(readFileSync(root + path));

describe("a file that h5py and Python's zipfile wrote", () => {
  const file = read("test/fixtures/keras/h5py.keras");
  const { x, y } = JSON.parse(readFileSync(`${root}test/fixtures/keras/h5py.json`, "utf8"));

  // The same float64 weights in PyTorch, which sums in another order.
  it("gives what PyTorch computed, to 1e-13", () => {
    const got = runDescribed(describeKeras(file), x);
    const flat = (rows: number[][]) => ({
      shape: [rows.length, rows[0]?.length ?? 0],
      data: Float64Array.from(rows.flat()),
    });
    expect(relativeError(flat(got), flat(y))).toBeLessThan(1e-13);
  });

  it("keeps numbers as they are stored: F32, F64, F16", () => {
    const { input, recurrent, dense, metadata } = describeKeras(file);
    const [bidirectional, gru] = recurrent;
    expect(input).toMatchObject({ weight: { shape: [11, 3], data: expect.any(Float32Array) } });
    expect(bidirectional?.weights.weight_ih_l0_reverse?.data).toBeInstanceOf(Float64Array);
    expect(gru?.weights.bias_hh_l0).toMatchObject({ shape: [15], data: expect.any(Float64Array) });
    expect(dense[0]?.bias?.data).toBeInstanceOf(Float32Array);
    expect([...metadata]).toEqual([
      ["keras_version", "3.9.2"],
      ["date_saved", "2026-11-01@12:00:00"],
    ]);
  });

  it("at any alignment, from an ArrayBuffer; nothing is shared with the file, which stays as it is", () => {
    const want = describeKeras(file);
    const kept = file.slice();
    const shifted = new Uint8Array(file.length + 3).subarray(3);
    shifted.set(file);
    const got = describeKeras(shifted);
    expect(shifted).toEqual(kept);
    shifted.fill(0xff);
    expect(got).toEqual(want);
    expect(describeKeras(file.slice().buffer)).toEqual(want);
  });

  it("chunks, deflated, shuffled, with checksums", () => {
    // Stored, so that the HDF5 file lies in the archive as it is.
    const at = Buffer.from(file).indexOf("\x89HDF\r\n\x1a\n", 0, "latin1");
    const numbers = new Hdf5File("test", file.slice(at), 2 ** 20).dataset("other/chunked");
    expect(numbers?.shape).toEqual([20, 30]);
    expect(numbers?.read()).toEqual(Float64Array.from({ length: 600 }, (_, i) => i));
  });
});

describe("the models of TensorFlow.js as .keras files: the same, whoever wrote", () => {
  it.each(cases.filter(({ name }) => !name.includes("quantized")).map(({ name }) => name))(
    "%s",
    (name) => {
      const given = caseOf(name);
      const { config, variables } = asKeras(given);
      const version = "2.15.0";
      const file = archive({ config, version, weights: hdf5(variables) });
      const { recurrent, ...rest } = describeKeras(file);
      const want = describeTensorflowJs(given.json(), given.weights);
      const metadata = new Map([
        ["keras_version", version],
        ["date_saved", "2026-11-01@12:00:00"],
      ]);
      expect({ recurrent, ...rest }).toEqual({ ...want, format: "keras", metadata });
    },
  );

  const { config, variables } = asKeras(caseOf("bidirectional-ave-last"));
  const want = describeKeras(archive({ config, weights: hdf5(variables) }));
  const plain = archive({ config, weights: hdf5(variables) });

  it.each([
    ["earliest", 0],
    ["v108", 2],
    ["latest", 3],
  ] as const)("HDF5 as %s writes it, superblock %i", (libver: Libver, superblock) => {
    const weights = hdf5(variables, libver);
    expect(weights[8]).toBe(superblock);
    expect(describeKeras(archive({ config, weights }))).toEqual(want);
  });

  it.each(["earliest", "v108"] as const)("deflated chunks, as %s writes them", (libver: Libver) => {
    const chunked = Object.entries(variables).map(([path, { shape, data }]) => {
      const chunks = shape.map((n) => Math.ceil(n / 2));
      return [path, { shape, data, chunks, compression: 6 }];
    });
    const weights = hdf5(Object.fromEntries(chunked), libver);
    expect(describeKeras(archive({ config, weights }))).toEqual(want);
  });

  it("a deflated archive; the root that Keras 2.12 used; a comment behind the archive", () => {
    expect(describeKeras(archive({ config, weights: hdf5(variables) }, 9))).toEqual(want);
    const old = Object.entries(variables).map(([path, value]) => [
      path.replace("layers", "_layer_checkpoint_dependencies"),
      value,
    ]);
    const weights = hdf5(Object.fromEntries(old) as Record<string, StoredVariable>);
    expect(describeKeras(archive({ config, weights }))).toEqual(want);
    const commented = Uint8Array.from([...plain, 1, 2, 3]);
    commented[plain.length - 2] = 3;
    expect(describeKeras(commented)).toEqual(want);
  });

  it("weights alone, with the config beside them", () => {
    const weights = hdf5(variables);
    const { metadata: _, ...network } = want;
    for (const given of [config, JSON.stringify(config)]) {
      const { metadata, ...got } = describeKeras(weights, { config: given, kerasVersion: "3.9.2" });
      expect(got).toEqual(network);
      expect([...metadata]).toEqual([["keras_version", "3.9.2"]]);
    }
  });

  it("many layers, so that a group is more than one node", () => {
    const layers = Array.from({ length: 40 }, (_, i) =>
      kerasLayer("SimpleRNN", {
        name: `r${i}`,
        units: 1,
        use_bias: false,
        activation: "tanh",
        return_sequences: true,
      }),
    );
    const one = (value: number) => ({ shape: [1, 1], data: Float32Array.of(value) });
    const all: Record<string, StoredVariable> = {};
    layers.forEach((_, i) => {
      const group = `layers/simple_rnn${i === 0 ? "" : `_${i}`}/cell/vars`;
      all[`${group}/0`] = one(i);
      all[`${group}/1`] = one(-i);
    });
    for (const libver of ["earliest", "v108", "latest"] as const) {
      const weights = hdf5(all, libver);
      const { recurrent } = describeKeras(archive({ config: sequential(layers), weights }));
      const got = recurrent.map(({ weights: w }) => w.weight_ih_l0?.data[0]);
      expect(got).toEqual(layers.map((_, i) => i));
    }
  });
});

describe("PyTorch's GRUs in Keras's order, 0 bits of difference", () => {
  const zrh = [1, 0, 2];
  /** (3·na, n) as Keras has it: (n, 3·na), update gate first. */
  const toKeras = ({ shape: [rows = 0, n = 1], data }: Stored) => {
    const na = rows / 3;
    const out = new Float64Array(rows * n);
    zrh.forEach((from, to) => {
      for (let j = 0; j < na; j++)
        for (let i = 0; i < n; i++)
          out[i * rows + to * na + j] = data[(from * na + j) * n + i] as number;
    });
    return out;
  };
  const grus = fixtures<TorchCase>("torch-cases").filter(({ content }) => content.cell === "gru");

  it.each(grus)("$name", ({ content }) => {
    const { layers, bidirectional, hidden_size: units, input_size, weights } = content;
    const variables: Record<string, StoredVariable> = {};
    const settings = {
      units,
      activation: "tanh",
      recurrent_activation: "sigmoid",
      use_bias: true,
      reset_after: true,
      return_sequences: true,
    };
    const config = sequential([
      kerasLayer("InputLayer", { name: "input", batch_shape: [null, null, input_size] }),
      ...Array.from({ length: layers }, (_, l) => {
        const name = `gru_${l}`;
        if (!bidirectional) return kerasLayer("GRU", { name, ...settings });
        const layer = kerasLayer("GRU", { ...settings, name: `forward_${name}` });
        return kerasLayer("Bidirectional", { name, layer, merge_mode: "concat" });
      }),
    ]);
    const wanted: Record<string, StoredNumbers>[] = [];
    for (let l = 0; l < layers; l++) {
      const own: Record<string, StoredNumbers> = {};
      for (const suffix of bidirectional ? ["", "_reverse"] : [""]) {
        const kind = bidirectional ? "bidirectional" : "gru";
        const direction = suffix === "" ? "forward" : "backward";
        const part = bidirectional ? `/${direction}_layer` : "";
        const group = `layers/${kind}${l === 0 ? "" : `_${l}`}${part}/cell/vars`;
        const [ih, hh, bih, bhh] = (["weight_ih", "weight_hh", "bias_ih", "bias_hh"] as const).map(
          (name) => {
            const stored = weights[`${name}_l${l}${suffix}`];
            if (stored === undefined) throw new Error(`no ${name}`);
            const data = Float64Array.from(stored.data);
            own[`${name}_l0${suffix}`] = { shape: stored.shape, data };
            return { shape: [...stored.shape].reverse(), data: toKeras(stored) };
          },
        );
        if (!ih || !hh || !bih || !bhh) throw new Error("no weights");
        variables[`${group}/0`] = ih;
        variables[`${group}/1`] = hh;
        const both = Float64Array.of(...bih.data, ...bhh.data);
        variables[`${group}/2`] = { shape: [2, 3 * units], data: both };
      }
      wanted.push(own);
    }
    const { recurrent } = describeKeras(archive({ config, weights: hdf5(variables) }));
    expect(recurrent.map((layer) => layer.weights)).toEqual(wanted);
    expect(recurrent.map(({ options }) => options.resetAfter)).toEqual(wanted.map(() => true));
  });
});

describe("the Shakespeare model as .keras", () => {
  const { model: bytes, vocabulary, text, reference } = shakespeare();
  const { tensors } = readSafetensors(bytes);
  const of = (name: string): StoredNumbers => {
    const found = tensors.get(name);
    if (found === undefined) throw new Error(`no ${name}`);
    return { shape: found.shape, data: found.data };
  };
  const turned = ({ shape: [rows = 0, n = 0], data }: StoredNumbers): StoredVariable => {
    const out = new Float32Array(data.length);
    for (let r = 0; r < rows; r++)
      for (let i = 0; i < n; i++) out[i * rows + r] = data[r * n + i] as number;
    return { shape: [n, rows], data: out };
  };
  const bias = (l: number): StoredVariable => {
    const [a, b] = [of(`lstm.bias_ih_l${l}`).data, of(`lstm.bias_hh_l${l}`).data];
    return { shape: [512], data: Float64Array.from(a, (value, i) => value + (b[i] as number)) };
  };
  const lstm = (name: string) =>
    kerasLayer("LSTM", {
      name,
      units: 128,
      activation: "tanh",
      recurrent_activation: "sigmoid",
      use_bias: true,
      return_sequences: true,
    });
  const config = sequential([
    kerasLayer("Embedding", { name: "embedding", input_dim: 65, output_dim: 128 }),
    lstm("lstm"),
    lstm("lstm_1"),
    kerasLayer("Dense", { name: "dense", units: 65, use_bias: true, activation: "softmax" }),
  ]);
  const variables: Record<string, StoredVariable> = {
    "layers/embedding/vars/0": of("embedding.weight") as StoredVariable,
    "layers/dense/vars/0": turned(of("decoder.weight")),
    "layers/dense/vars/1": of("decoder.bias") as StoredVariable,
  };
  ["lstm", "lstm_1"].forEach((group, l) => {
    variables[`layers/${group}/cell/vars/0`] = turned(of(`lstm.weight_ih_l${l}`));
    variables[`layers/${group}/cell/vars/1`] = turned(of(`lstm.weight_hh_l${l}`));
    variables[`layers/${group}/cell/vars/2`] = bias(l);
  });
  const description = describeKeras(archive({ config, weights: hdf5(variables) }));

  it("holds the same weights, 0 bits of difference", () => {
    description.recurrent.forEach(({ weights }, l) => {
      const wanted = {
        weight_ih_l0: of(`lstm.weight_ih_l${l}`),
        weight_hh_l0: of(`lstm.weight_hh_l${l}`),
        bias_ih_l0: bias(l),
      };
      expect(isDeepStrictEqual(weights, wanted)).toBe(true);
    });
    expect(description.input).toMatchObject({ weight: of("embedding.weight") });
    const [head] = description.dense;
    expect([head?.weight, head?.bias]).toEqual([of("decoder.weight"), of("decoder.bias")]);
  });

  // The sum of 20,000 logarithms.
  it("scores its text as PyTorch does, to 1e-9 nats, and bit for bit as from safetensors", async () => {
    const { total_log_prob, lines } = reference;
    const keras = await loadLanguageModel(engine, description, { vocabulary });
    const torch = await loadLanguageModel(engine, bytes, { vocabulary });
    const [whole] = await keras.score([text]);
    expect(Math.abs((whole?.logProb ?? Number.NaN) - total_log_prob)).toBeLessThan(1e-9);
    const sequences = lines.slice(0, 20).map((line) => line.text);
    expect(await keras.score(sequences)).toEqual(await torch.score(sequences));
    keras.dispose();
    torch.dispose();
  });
});
