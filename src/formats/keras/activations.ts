import type { Activation } from "../../cells/activations.js";
import type { Config } from "./config.js";

/** By what was a version's hard sigmoid. */
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
  /** Keras 3: its default slope. */
  leakyrelu: { name: "leakyRelu", alpha: 0.2 },
};

/** `hardSigmoid` and `hard_sigmoid` are one name. */
const bare = (name: string): string => name.replaceAll("_", "").toLowerCase();

/**
 * Whose hard sigmoid a file means: Keras 1 and 2 and TensorFlow.js hold 0.2x + 0.5 within 0 … 1, Keras 3 holds x/6 + 0.5.
 *
 * @param version as the file has it: `3.9.2`, `2.15.0`, `tfjs-layers 4.22.0`
 */
export function hardSigmoidOf(version: string): HardSigmoid {
  if (/^(tfjs|[12]\.)/.test(version)) return "fifth";
  return /^3\./.test(version) ? "sixth" : undefined;
}

/** The function that a layer's config names under a key; none is `linear`. */
export function readActivation(config: Config, key: string, hardSigmoid: HardSigmoid): Activation {
  const value = config.get(key) ?? "linear";
  if (typeof value !== "string") return config.refuse(key, "expected a function by its name");
  const name = bare(value);
  if (name === "hardsigmoid") {
    if (hardSigmoid === undefined) {
      return config.refuse(key, "its meaning differs between versions, and the file says none");
    }
    return { name: "hardSigmoid", alpha: hardSigmoid === "fifth" ? 0.2 : 1 / 6, beta: 0.5 };
  }
  return Object.hasOwn(SAME, name)
    ? (SAME[name] as Activation)
    : config.refuse(key, "no such function is known");
}

/** The same, for what stands on top. */
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
