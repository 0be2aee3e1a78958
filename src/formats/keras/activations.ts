import type { Activation } from "../../cells/activations.js";
import type { Config } from "./config.js";

/** The slope of a version's hard sigmoid: a fifth or a sixth; undefined if the version is unknown. */
export type HardSigmoid = "fifth" | "sixth" | undefined;

const SAME: Readonly<Record<string, Activation>> = {
  tanh: "tanh",
  sigmoid: "sigmoid",
  relu: "relu",
  linear: "identity",
  softsign: "softsign",
  softplus: "softplus",
  /** α = 1 in both. */
  elu: "elu",
  /** The default slope of Keras 3. */
  leakyrelu: { name: "leakyRelu", alpha: 0.2 },
};

/** A name without its spelling: `hardSigmoid` and `hard_sigmoid` are the same. */
const bare = (name: string): string => name.replaceAll("_", "").toLowerCase();

/**
 * The hard sigmoid of a version. Keras 1, Keras 2 and TensorFlow.js clamp 0.2x + 0.5 to 0 … 1, Keras 3 clamps x/6 + 0.5.
 *
 * @param version as files spell it: `3.9.2`, `2.15.0`, `tfjs-layers 4.22.0`
 */
export function hardSigmoidOf(version: string): HardSigmoid {
  if (/^(tfjs|[12]\.)/.test(version)) return "fifth";
  return /^3\./.test(version) ? "sixth" : undefined;
}

/** The activation that a layer's config names under a key. An absent one is `linear`. */
export function readActivation(config: Config, key: string, hardSigmoid: HardSigmoid): Activation {
  const value = config.get(key) ?? "linear";
  if (typeof value !== "string") return config.refuse(key, "expected the name of an activation");
  const name = bare(value);
  if (name === "hardsigmoid") {
    if (hardSigmoid === undefined) {
      return config.refuse(
        key,
        "its meaning differs between versions, and the file has no version",
      );
    }
    return { name: "hardSigmoid", alpha: hardSigmoid === "fifth" ? 0.2 : 1 / 6, beta: 0.5 };
  }
  return Object.hasOwn(SAME, name)
    ? (SAME[name] as Activation)
    : config.refuse(key, "there is no such activation");
}

/** The activation of a layer that may be the top one, where softmax is possible, too. */
export function readOutputActivation(
  config: Config,
  key: string,
  hardSigmoid: HardSigmoid,
): Activation | "softmax" | "logSoftmax" {
  const value = config.get(key);
  const name = typeof value === "string" ? bare(value) : "";
  if (name === "softmax") return "softmax";
  return name === "logsoftmax" ? "logSoftmax" : readActivation(config, key, hardSigmoid);
}
