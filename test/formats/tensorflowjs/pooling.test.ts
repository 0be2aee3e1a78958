import { describe, expect, it } from "vitest";
import { describeTensorflowJs, ModelFormatError } from "../../../src/formats/tensorflowjs.js";
import { expectSaid, thrownBy } from "../../support/errors.js";
import { caseOf, type LayerJson, type ModelJson } from "../../support/keras.js";

type Change = (layers: LayerJson[]) => void;

/** The index of the first layer of a class. */
const at = (layers: readonly LayerJson[], className: string): number =>
  layers.findIndex(({ class_name }) => class_name === className);

function changed(name: string, change: Change) {
  const { json, weights } = caseOf(name);
  const model: ModelJson = json();
  change(model.modelTopology.config.layers);
  return describeTensorflowJs(model, weights);
}

describe("pooling over the steps", () => {
  it.each([
    ["lstm-mean", "mean"],
    ["gru-max", "max"],
  ])("%s: output %s, and nothing is assumed", (name, output) => {
    const description = changed(name, () => {});
    expect(description).toMatchObject({ output, assumptions: [] });
  });

  const rows: [what: string, code: string, message: string, change: Change][] = [
    [
      "below all recurrent layers",
      "unsupported-layer",
      "…GlobalAveragePooling1D: expected it directly above the recurrent layers; otherwise export the model to ONNX by tf2onnx and run it by openGraph of recurra/onnx",
      (layers) => {
        const [pooling] = layers.splice(at(layers, "GlobalAveragePooling1D"), 1);
        layers.splice(2, 0, pooling as LayerJson);
      },
    ],
    [
      "above a Dense",
      "unsupported-layer",
      "…GlobalAveragePooling1D: expected it directly above the recurrent layers; …openGraph…",
      (layers) => {
        const [pooling] = layers.splice(at(layers, "GlobalAveragePooling1D"), 1);
        layers.splice(at(layers, "Dense") + 1, 0, pooling as LayerJson);
      },
    ],
    [
      "twice",
      "topology",
      "…GlobalAveragePooling1D: expected steps below it, got one row only",
      (layers) => {
        const i = at(layers, "GlobalAveragePooling1D");
        const pooling = layers[i] as LayerJson;
        layers.splice(i, 0, { ...pooling, config: { ...pooling.config, name: "other" } });
      },
    ],
    [
      "of the last step alone",
      "topology",
      "…GlobalAveragePooling1D: expected steps below it, got one row only",
      (layers) => {
        const inner = layers[at(layers, "Bidirectional")]?.config.layer as LayerJson;
        inner.config.return_sequences = false;
      },
    ],
    [
      "over the features",
      "unsupported-setting",
      '…data_format: "channels_first" is not supported: steps are the first axis here',
      (layers) => {
        const pooling = layers[at(layers, "GlobalAveragePooling1D")] as LayerJson;
        pooling.config.data_format = "channels_first";
      },
    ],
    [
      "with an axis kept",
      "unsupported-setting",
      "…keepdims: true is not supported: one row is left of all steps",
      (layers) => {
        const pooling = layers[at(layers, "GlobalAveragePooling1D")] as LayerJson;
        pooling.config.keepdims = true;
      },
    ],
  ];
  it.each(rows)("%s: refused", (_, code, message, change) => {
    const error = thrownBy(() => changed("lstm-mean", change));
    expectSaid(error, ModelFormatError, message);
    expect(error).toMatchObject({ code });
  });
});

describe("what a file leaves out is assumed, and listed", () => {
  it("a GRU without reset_after, a Dense without an activation, a stateful layer", () => {
    const { assumptions } = changed("gru-max", (layers) => {
      const [gru, dense] = ["GRU", "Dense"].map((name) => layers[at(layers, name)] as LayerJson);
      Object.assign(gru?.config ?? {}, { stateful: true });
      delete gru?.config.reset_after;
      delete dense?.config.activation;
    });
    expect(assumptions?.map((each) => each.replace(/_\w+/, ""))).toEqual([
      'network: "gru" has no reset_after, as in files older than that setting: its reset gate stands before the product.',
      'network: "gru" is stateful in the file; every sequence begins with a state of zeros here.',
      'network: "dense" has no activation in the file; nothing follows it.',
    ]);
  });
});
