import {
  type Activation,
  type ActivationName,
  DEFAULT_ACTIVATIONS,
} from "../../cells/activations.js";
import type { AttributeProto, NodeProto } from "./proto.js";
import { Wire } from "./wire.js";

/** The recurrent operators of ONNX. */
export type OnnxOperator = "RNN" | "GRU" | "LSTM";

/** The attributes of a node, with defaults filled in. */
export interface OnnxAttributes {
  readonly direction: "forward" | "reverse" | "bidirectional";
  /** na; absent if only the weights' shapes give it. */
  readonly hiddenSize?: number;
  /** 0: X (T, m, nx), states (D, m, na). 1: X (m, T, nx), states (m, D, na). */
  readonly layout: 0 | 1;
  readonly clip?: number;
  /** RNN f; GRU f, g; LSTM f, g, h; twice as many for two directions. */
  readonly activations: readonly Activation[];
  /** LSTM. */
  readonly inputForget: boolean;
  /** GRU: whether the reset gate acts after the recurrent product. */
  readonly linearBeforeReset: boolean;
}

/** ONNX's activations. Those with parameters take α and β from the node's lists. */
const ACTIVATIONS: Record<string, { name: ActivationName; alpha?: true; beta?: true }> = {
  sigmoid: { name: "sigmoid" },
  tanh: { name: "tanh" },
  relu: { name: "relu" },
  affine: { name: "affine", alpha: true, beta: true },
  leakyrelu: { name: "leakyRelu", alpha: true },
  thresholdedrelu: { name: "thresholdedRelu", alpha: true },
  scaledtanh: { name: "scaledTanh", alpha: true, beta: true },
  hardsigmoid: { name: "hardSigmoid", alpha: true, beta: true },
  elu: { name: "elu", alpha: true },
  softsign: { name: "softsign" },
  softplus: { name: "softplus" },
};

const TYPES = { f: 1, i: 2, s: 3, floats: 6, ints: 7, strings: 8 } as const;

/** Every known attribute: the type of its value, its operator (absent for all), and its first and last opset. */
const ATTRIBUTES: Record<
  string,
  { type: keyof typeof TYPES; only?: OnnxOperator; since?: number; until?: number }
> = {
  activation_alpha: { type: "floats" },
  activation_beta: { type: "floats" },
  activations: { type: "strings" },
  clip: { type: "f" },
  direction: { type: "s" },
  hidden_size: { type: "i" },
  input_forget: { type: "i", only: "LSTM" },
  layout: { type: "i", since: 14 },
  linear_before_reset: { type: "i", only: "GRU", since: 3 },
  // Tells that Y may be omitted. A node without the output Y tells the same.
  output_sequence: { type: "i", until: 6 },
};

/** The newest known opset. A later one may change an operator. */
export const NEWEST_OPSET = 22;

/** Reads and checks the attributes of an RNN, GRU or LSTM node. */
export function readAttributes(where: string, node: NodeProto, opset: number): OnnxAttributes {
  const wire = new Wire(where, new Uint8Array(0));
  const operator = node.operator as OnnxOperator;
  const called = node.name || node.outputs.find((name) => name !== "") || operator;
  const fail = (what: string, at = node.at): never =>
    wire.fail("attribute", `${operator} ${JSON.stringify(called)}: ${what}`, at);
  for (const [name, { type, at }] of node.attributes) {
    const rule = Object.hasOwn(ATTRIBUTES, name) ? ATTRIBUTES[name] : undefined;
    const { only = operator, since = 1, until = NEWEST_OPSET } = rule ?? {};
    if (rule === undefined || only !== operator || opset < since || opset > until) {
      const known = `one that ${operator} of opset ${opset} has`;
      fail(`attribute ${name}: expected ${known}`, at);
    } else if (type !== TYPES[rule.type]) {
      fail(`attribute ${name}: expected type ${TYPES[rule.type]}, got ${type}`, at);
    }
  }
  const get = (name: string): AttributeProto | undefined => node.attributes.get(name);
  const flag = (name: string): boolean => {
    const value = get(name)?.i ?? 0;
    if (value !== 0 && value !== 1) fail(`${name}: expected 0 or 1, got ${value}`, get(name)?.at);
    return value === 1;
  };
  flag("output_sequence");

  // The default of GRU-1 is spelt so.
  const written = get("direction")?.s ?? "forward";
  const direction = written === "foward" && operator === "GRU" && opset < 3 ? "forward" : written;
  if (direction !== "forward" && direction !== "reverse" && direction !== "bidirectional") {
    const expected = "forward, reverse or bidirectional";
    return fail(`direction: expected ${expected}, got ${JSON.stringify(direction.slice(0, 32))}`);
  }
  const hiddenSize = get("hidden_size")?.i;
  if (hiddenSize !== undefined && !(Number.isSafeInteger(hiddenSize) && hiddenSize >= 1)) {
    fail(`hidden_size: expected an integer ≥ 1, got ${hiddenSize}`, get("hidden_size")?.at);
  }
  const clip = get("clip")?.f;
  if (clip !== undefined && !(clip > 0 && clip < Number.POSITIVE_INFINITY)) {
    fail(`clip: expected a finite number > 0, got ${clip}`, get("clip")?.at);
  }
  return {
    direction,
    ...(hiddenSize === undefined ? {} : { hiddenSize }),
    layout: flag("layout") ? 1 : 0,
    ...(clip === undefined ? {} : { clip }),
    activations: readActivations(node, direction === "bidirectional" ? 2 : 1, fail),
    inputForget: flag("input_forget"),
    linearBeforeReset: flag("linear_before_reset"),
  };
}

/**
 * Distributes α and β in the order of the activations, to those that take one. After the end of a list ONNX's defaults hold.
 * Names may have any case, as in onnxruntime.
 */
function readActivations(
  { operator, attributes }: NodeProto,
  directions: number,
  fail: (what: string, at?: number) => never,
): readonly Activation[] {
  const cell = operator.toLowerCase() as keyof typeof DEFAULT_ACTIVATIONS;
  const defaults: readonly Activation[] = DEFAULT_ACTIVATIONS[cell];
  const given = attributes.get("activations");
  const wanted = directions * defaults.length;
  let names = given?.strings ?? [];
  // The default of RNN lists two activations, even for one direction.
  if (operator === "RNN" && directions === 1 && names.length === 2 && names[0] === names[1]) {
    names = names.slice(0, 1);
  }
  if (names.length !== 0 && names.length !== wanted) {
    fail(`activations: expected ${wanted}, got ${names.length}`, given?.at);
  }
  const alphas = attributes.get("activation_alpha")?.floats ?? [];
  const betas = attributes.get("activation_beta")?.floats ?? [];
  let [alphasUsed, betasUsed] = [0, 0];
  const activations = names.map((name): Activation => {
    const key = name.toLowerCase();
    const known = Object.hasOwn(ACTIVATIONS, key) ? ACTIVATIONS[key] : undefined;
    if (known === undefined) {
      return fail(`activations: expected ONNX's functions, got ${name.slice(0, 32)}`, given?.at);
    }
    const alpha = known.alpha && alphas[alphasUsed++];
    const beta = known.beta && betas[betasUsed++];
    if (alpha === undefined && beta === undefined) return known.name;
    return {
      name: known.name,
      ...(alpha === undefined ? {} : { alpha }),
      ...(beta === undefined ? {} : { beta }),
    };
  });
  for (const [name, list, used] of [
    ["activation_alpha", alphas, alphasUsed],
    ["activation_beta", betas, betasUsed],
  ] as const) {
    const at = attributes.get(name)?.at;
    const most = Math.min(used, list.length);
    if (list.length > most) {
      fail(
        `${name}: expected ≤ ${used} values, for functions that take one, got ${list.length}`,
        at,
      );
    }
    const wrong = list.find((value) => !Number.isFinite(value));
    if (wrong !== undefined) fail(`${name}: expected finite numbers, got ${wrong}`, at);
  }
  if (activations.length !== 0) return activations;
  return directions === 2 ? [...defaults, ...defaults] : defaults;
}
