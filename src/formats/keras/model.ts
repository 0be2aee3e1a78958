import { assume, graphAdvice } from "../../description/assumptions.js";
import type {
  DenseDescription,
  InputDescription,
  ModelDescription,
  OutputKind,
  RecurrentDescription,
  StoredNumbers,
} from "../../description/description.js";
import { GATES, reorderColumns } from "../gates.js";
import { readOutputActivation } from "./activations.js";
import { type Config, shown } from "./config.js";
import { type Context, isRecurrent, readRecurrent } from "./recurrent.js";
import { type KerasLayer, readChain } from "./topology.js";
import type { StoredVariable, Variable, Weights } from "./weights.js";

/** Layers that act during training only. */
const IDLE = new Set([
  "InputLayer",
  "Dropout",
  "SpatialDropout1D",
  "GaussianDropout",
  "GaussianNoise",
  "AlphaDropout",
  "ActivityRegularization",
]);

/** Layers that leave one row of all steps. */
const POOLING: Readonly<Record<string, OutputKind>> = {
  GlobalAveragePooling1D: "mean",
  GlobalMaxPooling1D: "max",
};

export interface ReadOptions extends Omit<Context, "assumptions"> {
  readonly ragged: boolean;
}

type ModelContext = ReadOptions & Context;

const MASKED = 'sequences have no padding here; pass masking: "ragged" if yours have none';

/** A description while its layers are added. */
interface Parts {
  input: InputDescription | undefined;
  /** Features that the next layer receives; undefined until known. */
  size: number | undefined;
  readonly recurrent: RecurrentDescription[];
  readonly dense: DenseDescription[];
  /** What leaves the layers so far. */
  output: OutputKind;
}

/** Reads the layers of a model and their weights. */
export function readModel(
  model: Config,
  format: ModelDescription["format"],
  options: ReadOptions,
  metadata: ReadonlyMap<string, string>,
): ModelDescription {
  const parts: Parts = {
    input: undefined,
    size: undefined,
    recurrent: [],
    dense: [],
    output: "steps",
  };
  const context: ModelContext = { ...options, assumptions: [] };
  for (const layer of readChain(model, options.ragged)) addLayer(parts, layer, context);
  const { recurrent, dense, output, input } = parts;
  const [first] = recurrent;
  if (first === undefined) return model.fail("topology", "expected a recurrent layer, got none");
  return {
    format,
    input: input ?? { kind: "features", size: first.options.inputSize },
    recurrent,
    dense,
    output,
    metadata,
    assumptions: context.assumptions,
  };
}

function addLayer(parts: Parts, layer: KerasLayer, options: ModelContext): void {
  const { className, config } = layer;
  readInputShape(parts, config);
  if (IDLE.has(className)) return;
  if (className === "Masking") {
    if (!options.ragged) config.refuse("mask_value", MASKED);
  } else if (className === "Embedding") {
    addEmbedding(parts, layer, options);
  } else if (isRecurrent(className)) {
    if (parts.dense.length > 0) {
      config.fail("unsupported-layer", `${className}: expected it below all Dense layers`);
    }
    if (parts.output !== "steps") {
      config.fail("topology", "expected return_sequences in every recurrent layer but the last");
    }
    const { description, size, sequences } = readRecurrent(layer, parts.size, options);
    parts.recurrent.push(description);
    parts.size = size;
    parts.output = sequences ? "steps" : "last";
    if (config.get("stateful") === true) {
      const what = `"${layer.name}" is stateful in the file; every sequence begins with a state of zeros here.`;
      options.assumptions.push(assume("network", what));
    }
  } else if (Object.hasOwn(POOLING, className)) {
    addPooling(parts, layer);
  } else if (className === "Dense" || className === "TimeDistributed") {
    addDense(parts, layer, options);
  } else if (className === "Activation" || className === "Softmax") {
    addActivation(parts, layer, options);
  } else {
    config.fail(
      "unsupported-layer",
      `${className.slice(0, 64)}: expected a layer that docs/formats.md lists`,
    );
  }
}

/** The mean or the maximum of all steps. The linear layers follow it. */
function addPooling(parts: Parts, { className, config }: KerasLayer): void {
  if (parts.recurrent.length === 0 || parts.dense.length > 0) {
    const place = "expected it directly above the recurrent layers";
    config.fail("unsupported-layer", `${className}: ${place}; otherwise ${graphAdvice("tf2onnx")}`);
  }
  if (parts.output !== "steps") {
    config.fail("topology", `${className}: expected steps below it, got one row only`);
  }
  const format = config.get("data_format") ?? "channels_last";
  if (format !== "channels_last") config.refuse("data_format", "steps are the first axis here");
  if (config.flag("keepdims", false)) config.refuse("keepdims", "one row is left of all steps");
  parts.output = POOLING[className] as OutputKind;
}

/** Takes the number of features from an input's shape: its last extent, if it has three. */
function readInputShape(parts: Parts, config: Config): void {
  const key = ["batch_shape", "batch_input_shape"].find((name) => config.get(name) !== undefined);
  if (key === undefined) return;
  const shape = config.list(key);
  const size = shape[2] ?? undefined;
  if (shape.length !== 3 || size === undefined) return;
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 1) {
    config.fail("config", `expected an integer ≥ 1 or null, got ${shown(size)}`, key);
  } else {
    parts.size ??= size;
  }
}

function addEmbedding(parts: Parts, layer: KerasLayer, options: ModelContext): void {
  const { config, name } = layer;
  if (parts.input !== undefined || parts.recurrent.length + parts.dense.length > 0) {
    config.fail("unsupported-layer", "Embedding: expected it below all others");
  }
  if (config.flag("mask_zero", false) && !options.ragged) config.refuse("mask_zero", MASKED);
  const [V, nx] = [config.size("input_dim"), config.size("output_dim")];
  const variable: Variable = { layer, cell: false, name: "embeddings", index: 0 };
  const extents = [
    { letter: "V", size: V },
    { letter: "nx", size: nx },
  ];
  const found = options.weights.find(variable, extents);
  const weight = options.weights.make(found, "rows", (data) => ({ shape: found.shape, data }));
  parts.input = { kind: "embedding", name, weight };
  parts.size = nx;
}

function addDense(parts: Parts, layer: KerasLayer, options: ModelContext): void {
  const { className, config, name } = layer;
  if (parts.recurrent.length === 0) {
    config.fail("unsupported-layer", `${className}: expected a recurrent layer below it`);
  }
  const distributed = className === "TimeDistributed";
  const wrapped = distributed ? config.child("layer") : undefined;
  const settings = wrapped?.child("config") ?? config;
  if (wrapped !== undefined) {
    const inside = wrapped.text("class_name");
    if (inside !== "Dense") {
      config.fail("unsupported-layer", `TimeDistributed: expected Dense in it, got ${inside}`);
    }
    if (parts.output !== "steps") {
      config.fail("topology", "TimeDistributed: expected steps below it, got the last one only");
    }
  }
  const inner = { part: "layer", name: distributed ? settings.text("name") : "" } as const;
  const variable = (kind: string, index: number): Variable => ({
    layer,
    ...(distributed ? { inner } : {}),
    cell: false,
    name: kind,
    index,
  });
  const ny = settings.size("units");
  const out = { letter: "ny", size: ny };
  const below = { letter: "n", size: parts.size };
  const { weights } = options;
  const kernel = weights.find(variable("kernel", 0), [below, out]);
  const bias = settings.flag("use_bias") ? weights.find(variable("bias", 1), [out]) : undefined;
  if (!settings.has("activation")) {
    const what = `${settings.layer} has no activation in the file; nothing follows it.`;
    options.assumptions.push(assume("network", what));
  }
  parts.dense.push({
    name,
    weight: transposed(weights, kernel),
    ...(bias === undefined
      ? {}
      : { bias: weights.make(bias, "rows", (data) => ({ shape: bias.shape, data })) }),
    activation: readOutputActivation(settings, "activation", options.hardSigmoid),
  });
  parts.size = ny;
}

function transposed(weights: Weights, kernel: StoredVariable): StoredNumbers {
  const [n = 0, ny = 0] = kernel.shape;
  return weights.make(kernel, "matrix", (data) => ({
    shape: [ny, n],
    data: reorderColumns(data, n, GATES.keras.rnn),
  }));
}

/** An activation that is a layer of its own becomes the activation of the linear layer below it. */
function addActivation(parts: Parts, layer: KerasLayer, options: ModelContext): void {
  const { className, config } = layer;
  const isSoftmax = className === "Softmax";
  const axis = config.get("axis") ?? -1;
  if (isSoftmax && axis !== -1) config.refuse("axis", "softmax runs over the features, axis -1");
  const activation = isSoftmax
    ? "softmax"
    : readOutputActivation(config, "activation", options.hardSigmoid);
  if (activation === "identity") return;
  const last = parts.dense.pop();
  if (last === undefined || last.activation !== "identity") {
    config.fail("unsupported-layer", `${className}: expected a linear Dense below it`);
  } else {
    parts.dense.push({ ...last, activation });
  }
}
