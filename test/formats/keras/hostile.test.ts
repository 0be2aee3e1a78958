import { describe, expect, it } from "vitest";
import { describeKeras, ModelFormatError } from "../../../src/formats/keras.js";
import { countAllocations } from "../../support/cost.js";
import { expectError, thrownBy } from "../../support/errors.js";
import { archive, hdf5, kerasLayer, type StoredVariable, sequential } from "../../support/keras.js";

const LSTM = {
  name: "lstm",
  units: 2,
  activation: "tanh",
  recurrent_activation: "sigmoid",
  use_bias: true,
  return_sequences: true,
};
const f32 = (...shape: number[]): StoredVariable => ({
  shape,
  data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.5),
});
const zeros = (...shape: number[]): StoredVariable => ({
  shape,
  data: new Float32Array(shape.reduce((a, b) => a * b, 1)),
  chunks: [...shape],
  compression: 9,
});
const lstm = (units: number, variables: Record<string, StoredVariable>) =>
  archive(
    {
      config: sequential([kerasLayer("LSTM", { ...LSTM, units })]),
      weights: hdf5(
        Object.fromEntries(
          Object.entries(variables).map(([name, value]) => [
            `layers/lstm/cell/vars/${name}`,
            value,
          ]),
        ),
      ),
    },
    9,
  );

// 64 MiB of zeros in 4 kB.
const bomb = zeros(4096, 4096);

describe("a small file does not make much memory", () => {
  it.each([
    ["a kernel", "shape", lstm(2, { 0: bomb, 1: f32(2, 8), 2: f32(8) })],
    ["a recurrent kernel", "shape", lstm(2, { 0: f32(3, 8), 1: bomb, 2: f32(8) })],
    ["a bias", "shape", lstm(2, { 0: f32(3, 8), 1: f32(2, 8), 2: bomb })],
    // The right shape, above a recurrent kernel of another one.
    ["a kernel that fits", "shape", lstm(1024, { 0: bomb, 1: f32(2, 8), 2: f32(8) })],
  ])("%s is held against the config before it inflates", (_, code, file) => {
    expect(file.length).toBeLessThan(10_000);
    expect(thrownBy(() => describeKeras(file))).toMatchObject({ code });
    // The weights inflate once from the archive.
    expect(countAllocations(() => describeKeras(file))).toBeLessThan(400_000);
  });

  it("maximumBytes counts a chunk before it inflates", () => {
    const file = lstm(1024, { 0: bomb, 1: zeros(1024, 4096), 2: zeros(4096) });
    const options = { maximumBytes: 2 ** 24 };
    expect(thrownBy(() => describeKeras(file, options))).toMatchObject({ code: "too-large" });
    expect(countAllocations(() => describeKeras(file, options))).toBeLessThan(400_000);
  });

  it("a chunk that could not inflate to its size is refused before it is allocated", () => {
    const names = [0, 1].map((i) => `layers/simple_rnn/cell/vars/${i}`);
    const weights = hdf5(Object.fromEntries(names.map((name) => [name, zeros(64, 64)])));
    // The extents of shapes and chunks become 4096; the bytes stay the same few.
    const view = new DataView(weights.buffer);
    for (let at = 0; at + 16 <= weights.length; at++) {
      if (view.getBigUint64(at, true) === 64n && view.getBigUint64(at + 8, true) === 64n) {
        for (const place of [at, at + 8]) view.setBigUint64(place, 4096n, true);
      } else if (view.getUint32(at, true) === 64 && view.getUint32(at + 4, true) === 64) {
        for (const place of [at, at + 4]) view.setUint32(place, 4096, true);
      }
    }
    const config = sequential([kerasLayer("SimpleRNN", { ...LSTM, units: 4096, use_bias: false })]);
    const file = archive({ config, weights });
    expectError(
      () => describeKeras(file),
      ModelFormatError,
      'describeKeras: weights: "layers/simple_rnn/cell/vars/0": expected a chunk of 67108864 bytes, got … in the file',
    );
    expect(countAllocations(() => describeKeras(file))).toBeLessThan(400_000);
  });

  it("JSON is bounded by maximumBytes, too", () => {
    const weights = hdf5({});
    const config = { class_name: "Sequential", config: { layers: Array(30_000).fill([]) } };
    const options = { maximumBytes: 2 ** 20 };
    expect(thrownBy(() => describeKeras(archive({ config, weights }), options))).toMatchObject({
      code: "too-large",
    });
  });
});
