import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeTensorflowJs, ModelFormatError } from "../../../src/formats/tensorflowjs.js";
import { expectError, expectSaid, thrownBy } from "../../support/errors.js";
import {
  caseOf,
  type LayerJson,
  type ManifestWeight,
  type ModelJson,
} from "../../support/keras.js";

const lstm = caseOf("lstm");
const functional = caseOf("functional");
const halves = caseOf("lstm-quantized");

const first = (json: ModelJson): ManifestWeight =>
  json.weightsManifest[0]?.weights[0] as ManifestWeight;
const layer = (json: ModelJson, i: number): LayerJson =>
  json.modelTopology.config.layers[i] as LayerJson;
const manifest = (json: ModelJson) =>
  json.weightsManifest[0] as ModelJson["weightsManifest"][number];

type Change = (json: ModelJson) => unknown;
type Row = [code: string, change: Change, message: string, tensor?: string];

const EMBEDDINGS = lstm.json().weightsManifest[0]?.weights[0]?.name ?? "";
const KERNEL = lstm.json().weightsManifest[0]?.weights[1]?.name ?? "";

const inManifest: Row[] = [
  [
    "topology",
    (json) => {
      json.format = "graph-model";
    },
    "model.json.format: expected a layers-model, got graph-model",
  ],
  [
    "config",
    (json) => ({ ...json, modelTopology: undefined }),
    "model.json.modelTopology: expected an object, got nothing",
  ],
  ["config", (json) => ({ ...json, weightsManifest: undefined }), "model.json.weightsManifest: …"],
  ["config", (json) => ({ ...json, weightsManifest: [7] }), '"weightsManifest 0": … got 7'],
  [
    "config",
    (json) => {
      delete (manifest(json) as { paths?: unknown }).paths;
    },
    '"weightsManifest 0": paths: …',
  ],
  [
    "manifest",
    (json) => {
      manifest(json).paths = [7 as never];
    },
    '"weightsManifest 0": paths: expected the names of shards',
  ],
  [
    "dtype",
    (json) => {
      first(json).dtype = "complex64";
    },
    `${JSON.stringify(EMBEDDINGS)}: dtype: expected float32, int32, bool, got complex64`,
    EMBEDDINGS,
  ],
  [
    "dtype",
    (json) => {
      first(json).dtype = "toString";
    },
    "…toString",
    EMBEDDINGS,
  ],
  [
    "integer",
    (json) => {
      first(json).shape = [9, -3];
    },
    "shape: expected integers ≥ 0, got -3",
    EMBEDDINGS,
  ],
  [
    "integer",
    (json) => {
      first(json).shape = [9.5];
    },
    "shape: … got 9.5",
    EMBEDDINGS,
  ],
  [
    "rank-too-high",
    (json) => {
      first(json).shape = [1, 1, 1, 1, 1, 1, 1, 1, 27];
    },
    "shape: expected rank ≤ 8, got 9",
    EMBEDDINGS,
  ],
  [
    "shape-overflow",
    (json) => {
      first(json).shape = [2 ** 27, 2 ** 27];
    },
    "shape: expected fewer than 2^53 bytes",
    EMBEDDINGS,
  ],
  [
    "too-large",
    (json) => {
      first(json).shape = [2 ** 20, 2 ** 20];
    },
    "expected weights of ≤ 2147483648 bytes (maximumBytes), got",
  ],
  [
    "duplicate-key",
    (json) => {
      first(json).name = KERNEL;
    },
    "expected one weight of this name, got another",
    KERNEL,
  ],
  [
    "name-too-long",
    (json) => {
      first(json).name = "n".repeat(513);
    },
    "name: expected ≤ 512 characters, got 513",
  ],
  [
    "too-many-tensors",
    (json) => {
      manifest(json).weights = Array.from({ length: 10_001 }, (_, i) => ({
        name: `${i}`,
        shape: [0],
        dtype: "float32",
      }));
    },
    "expected ≤ 10000 weights, got more",
  ],
  [
    "quantization",
    (json) => {
      first(json).quantization = { scale: 1, min: 0 };
    },
    "quantization.dtype: expected uint8, uint16, float16, got nothing",
  ],
  [
    "quantization",
    (json) => {
      first(json).quantization = { dtype: "int4", scale: 1, min: 0 };
    },
    'quantization.dtype: … got "int4"',
  ],
  [
    "quantization",
    (json) => {
      first(json).quantization = { dtype: "uint8", min: 0 };
    },
    "quantization.scale: …",
  ],
  [
    "quantization",
    (json) => {
      first(json).quantization = { dtype: "uint16", scale: 1, min: "0" as never };
    },
    'quantization.min: … got "0"',
  ],
  [
    "trailing-bytes",
    (json) => {
      first(json).quantization = { dtype: "uint8", scale: 1, min: 0 };
    },
    "expected the shards to end with the last weight, got 81 bytes more",
  ],
  [
    "trailing-bytes",
    (json) => {
      manifest(json).weights.pop();
    },
    "… got 24 bytes more",
  ],
  [
    "shard-short",
    (json) => {
      first(json).shape = [90, 3];
    },
    '"lstm_LSTM1/recurrent_kernel": expected 400 bytes for shape (5, 20), got 268',
  ],
  [
    "missing-tensor",
    (json) => {
      first(json).name = "other";
    },
    `embeddings: expected ${EMBEDDINGS}, got none`,
    EMBEDDINGS,
  ],
  [
    "shape",
    (json) => {
      first(json).shape = [3, 9];
    },
    `embeddings: ${EMBEDDINGS}: expected (V, nx) = (9, 3), got (3, 9)`,
    EMBEDDINGS,
  ],
  [
    "shape",
    (json) => {
      layer(json, 2).config.units = 6;
    },
    "kernel: lstm_LSTM1/kernel: … got (3, 20)",
    "lstm_LSTM1/kernel",
  ],
  [
    "manifest",
    (json) => {
      manifest(json).weights.splice(
        1,
        0,
        { name: "lstm_LSTM1/a/kernel", shape: [0], dtype: "float32" },
        { name: "lstm_LSTM1/b/kernel", shape: [0], dtype: "float32" },
      );
      (manifest(json).weights[3] as ManifestWeight).name = "x";
    },
    "kernel: …",
    "lstm_LSTM1/a/kernel",
  ],
];

const node = (json: ModelJson, i: number, inbound: unknown): void => {
  layer(json, i).inbound_nodes = inbound;
};
const tensor = (name: string, extra: unknown = {}) => [name, 0, 0, extra];
const nameOf = (json: ModelJson, i: number): string => String(layer(json, i).config.name);

const inGraph: Row[] = [
  [
    "topology",
    (json) => {
      json.modelTopology.config.output_layers = [
        ["a", 0, 0],
        ["b", 0, 0],
      ];
    },
    "config.output_layers: …",
  ],
  [
    "topology",
    (json) => {
      json.modelTopology.config.output_layers = [["nobody", 0, 0]];
    },
    "expected a layer nobody, got none",
  ],
  [
    "topology",
    (json) => node(json, 3, [[tensor(nameOf(json, 2)), tensor(nameOf(json, 1))]]),
    "inbound_nodes: …",
  ],
  [
    "topology",
    (json) => node(json, 3, [[tensor(nameOf(json, 2))], [tensor(nameOf(json, 1))]]),
    "inbound_nodes: …",
  ],
  [
    "topology",
    (json) => node(json, 3, [[tensor(nameOf(json, 2), { initial_state: [["h", 0, 0]] })]]),
    "inbound_nodes: …",
  ],
  [
    "topology",
    (json) => node(json, 3, [[[nameOf(json, 2), 0, 1, {}]]]),
    "expected the first output of one layer, used once",
  ],
  [
    "topology",
    (json) => node(json, 3, [[[nameOf(json, 2), 1, 0, {}]]]),
    "expected the first output of one layer, used once",
  ],
  [
    "topology",
    (json) => node(json, 3, [[tensor(nameOf(json, 1))]]),
    "expected one chain of layers, got this one beside it",
  ],
  [
    "topology",
    (json) => node(json, 2, [[tensor(nameOf(json, 3))]]),
    "expected a layer …, got none",
  ],
  ["topology", (json) => node(json, 3, [{ args: [[1, 2]], kwargs: {} }]), "inbound_nodes: …"],
  ["config", (json) => node(json, 3, [7]), "… got 7"],
  ["config", (json) => node(json, 3, [{ args: [7] }]), "… got 7"],
  ["config", (json) => node(json, 3, undefined), "inbound_nodes: …"],
];

/** What reading throws. */
function fault(of: typeof lstm, change: Change, shards: unknown = of.weights): unknown {
  const json = of.json();
  return thrownBy(() => {
    describeTensorflowJs((change(json) ?? json) as object, shards as Uint8Array);
  });
}

describe.each([
  ["manifest", lstm, inManifest],
  ["graph", functional, inGraph],
])("a malformed %s: its code, message and tensor", (_, of, rows) => {
  it.each(rows)("%s, %#", (code, change, message, named) => {
    const error = fault(of, change);
    expectSaid(error, ModelFormatError, `describeTensorflowJs: …${message}…`);
    const { code: got, tensor: at } = error as ModelFormatError;
    expect(got).toBe(code);
    if (named !== undefined) expect(at).toBe(named);
  });
});

describe("shards", () => {
  const { weights } = lstm;
  const two: Change = (json) => {
    manifest(json).paths = ["a.bin", "b.bin"];
  };
  it.each([
    ["shards", two, [], "expected 2 shards, got 0: a.bin is missing"],
    ["shards", two, [weights, weights, weights], "… got 3"],
    ["shards", () => {}, [], "… got 0: weights.bin is missing"],
    ["shard-short", two, [weights.slice(0, 400), weights.slice(404)], "… got 20"],
    ["trailing-bytes", two, [weights, Uint8Array.of(1)], "got 1 bytes more"],
    ["shard-short", () => {}, weights.slice(0, 100), "… got 100"],
  ])("%s, %#", (code, change, shards, message) => {
    const error = fault(lstm, change, shards) as ModelFormatError;
    expectSaid(error, ModelFormatError, `…${message}…`);
    expect(error.code).toBe(code);
  });

  it("a NaN is named with its place, and read where it is allowed", () => {
    const bytes = weights.slice();
    new DataView(bytes.buffer).setFloat32(8, Number.NaN, true);
    const error = fault(lstm, () => {}, bytes) as ModelFormatError;
    expect([error.code, error.tensor]).toEqual(["not-finite", EMBEDDINGS]);
    expectSaid(error, ModelFormatError, "…element 2: … got NaN…");
    const { input } = describeTensorflowJs(lstm.json(), bytes, { nonFinite: "allow" });
    expect(input).toMatchObject({ weight: { shape: [9, 3] } });
  });
});

describe("masks", () => {
  const masked = (json: ModelJson): ModelJson => {
    layer(json, 1).config.mask_zero = true;
    json.modelTopology.config.layers.splice(2, 0, {
      class_name: "Masking",
      config: { name: "masking", mask_value: 0 },
    });
    return json;
  };

  it("are refused, unless sequences are said to come without padding", () => {
    const error = fault(lstm, masked) as ModelFormatError;
    expect(error.code).toBe("unsupported-setting");
    expectSaid(error, ModelFormatError, '…"embedding_Embedding1": mask_zero: true …"ragged"…');
    const got = describeTensorflowJs(masked(lstm.json()), lstm.weights, { masking: "ragged" });
    expect(got).toEqual(describeTensorflowJs(lstm.json(), lstm.weights));
  });

  it("Keras 3 hands them on and makes a layer of the comparison", () => {
    const json = functional.json();
    const keras_history = [nameOf(json, 1), 0, 0];
    const args = [{ class_name: "__keras_tensor__", config: { keras_history } }];
    node(json, 2, [{ args, kwargs: { mask: { config: { keras_history: ["ne", 0, 0] } } } }]);
    json.modelTopology.config.layers.push({
      class_name: "NotEqual",
      config: { name: "ne" },
      inbound_nodes: [],
    });
    const error = fault(functional, () => json) as ModelFormatError;
    expect(error.code).toBe("topology");
    expectSaid(error, ModelFormatError, "…mask…");
    const got = describeTensorflowJs(json, functional.weights, { masking: "ragged" });
    expect(got).toEqual(describeTensorflowJs(functional.json(), functional.weights));
  });
});

it.each([
  [null, [], {}, "model: expected an object or text, got null"],
  [7, [], {}, "model: …"],
  [{}, "weights", {}, "shards: expected bytes or a list of them, got string"],
  [{}, [7], {}, "shards[0]: expected Uint8Array or ArrayBuffer, got number"],
  [{}, [], null, "options: expected an object, got null"],
  [{}, [], { masking: true }, 'masking: expected "refuse" or "ragged", got true'],
  [{}, [], { nonFinite: 1 }, "nonFinite: … got 1"],
  [{}, [], { maximumBytes: -1 }, "maximumBytes: expected a number ≥ 0, got -1"],
])("an argument of the wrong kind is a TypeError, %#", (model, shards, options, message) => {
  const call = () => describeTensorflowJs(model as never, shards as never, options as never);
  expectError(call, TypeError, `describeTensorflowJs: ${message}`);
});

describe("damaged models", () => {
  const refuses = (read: () => unknown): void => {
    try {
      read();
    } catch (error) {
      if (!(error instanceof ModelFormatError)) throw error;
    }
  };

  it.each([
    ["functional", functional],
    ["lstm-quantized", halves],
  ])(
    "%s: a description or a ModelFormatError, whatever characters of its text are changed",
    (_, of) => {
      const sound = JSON.stringify(of.json());
      const change = fc.tuple(
        fc.nat({ max: sound.length - 1 }),
        fc.constantFrom("", "0", "-", '"', "[", "]", "{", "}", ",", "null", "1e9", "\\", "_"),
        fc.nat({ max: 3 }),
      );
      fc.assert(
        fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
          let text = sound;
          for (const [at, by, count] of changes)
            text = text.slice(0, at) + by + text.slice(at + count);
          refuses(() => describeTensorflowJs(text, of.weights, { nonFinite: "allow" }));
        }),
        { seed: 29, numRuns: 1000, interruptAfterTimeLimit: 20_000 },
      );
    },
  );

  it("any value in any place", () => {
    const sound = JSON.stringify(functional.json());
    const places = (sound.match(/[:[,](null|true|false|[\d.]+|"[^"]*")(?=[,\]}])/g) ?? []).length;
    fc.assert(
      fc.property(fc.nat({ max: places - 1 }), fc.jsonValue(), (place, value) => {
        let i = -1;
        const text = sound.replace(
          /([:[,])(?:null|true|false|[\d.]+|"[^"]*")(?=[,\]}])/g,
          (match, before: string) => {
            i++;
            return i === place ? before + JSON.stringify(value) : match;
          },
        );
        refuses(() => describeTensorflowJs(text, functional.weights));
      }),
      { seed: 31, numRuns: 1000, interruptAfterTimeLimit: 20_000 },
    );
  });
});
