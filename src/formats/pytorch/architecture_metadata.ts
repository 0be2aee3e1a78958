import {
  ACTIVATIONS,
  type Activation,
  type ActivationName,
  DEFAULT_ACTIVATIONS,
} from "../../cells/activations.js";
import type { DenseDescription, ModelDescription } from "../../description/description.js";
import type { RecurrentOptions } from "../../layers/options.js";
import type {
  Architecture,
  NormPart,
  PytorchNames,
  RecurrentPart,
  UnshapedOptions,
} from "./architecture.js";
import { fail, quote } from "./names.js";
import { checkResidual } from "./open_questions.js";

/**
 * The metadata key of the architecture, JSON: activations, directions, kinds of input and output, and all else that names
 * and shapes do not express. A file that has it is not guessed at.
 */
export const ARCHITECTURE_KEY = "recurra.network";

/** An activation in its shortest form. */
function shortest(activation: Activation): Activation {
  if (typeof activation === "string") return activation;
  const { name, alpha, beta } = activation;
  if (alpha === undefined && beta === undefined) return name;
  return {
    name,
    ...(alpha === undefined ? {} : { alpha }),
    ...(beta === undefined ? {} : { beta }),
  };
}

/** The options that differ from their defaults and that shapes do not imply, in a fixed order. */
function unshapedOptions(options: RecurrentOptions): UnshapedOptions {
  const {
    cell,
    reverse,
    nonlinearity,
    resetAfter = true,
    clip,
    inputForget,
    activations,
  } = options;
  const all = activations?.map(shortest) ?? [];
  const defaults: readonly Activation[] = DEFAULT_ACTIVATIONS[cell];
  const isDefault = all.every((each, i) => each === defaults[i % defaults.length]);
  const relu =
    nonlinearity === "relu" || (cell === "rnn" && all.length > 0 && all.every((f) => f === "relu"));
  return {
    ...(reverse ? { reverse } : {}),
    ...(relu ? { nonlinearity: "relu" } : {}),
    ...(resetAfter ? {} : { resetAfter }),
    ...(clip === undefined || clip === Number.POSITIVE_INFINITY ? {} : { clip }),
    ...(inputForget ? { inputForget } : {}),
    ...(isDefault || relu ? {} : { activations: all }),
  };
}

/** The architecture of a description. Equal architectures have equal JSON. */
export function architectureOf(description: ModelDescription): Architecture {
  const { input, recurrent, dense, output, assumptions = [] } = description;
  return {
    input:
      input.kind === "embedding"
        ? { kind: input.kind, name: input.name }
        : { kind: input.kind, guessed: input.guessed },
    recurrent: recurrent.map(({ name, options, merge = "concat", layerNorm, residual }) => ({
      name,
      options: unshapedOptions(options),
      ...(merge === "concat" || !options.bidirectional ? {} : { merge }),
      ...(layerNorm && { layerNorm: layerNorm.map(({ name, epsilon }) => ({ name, epsilon })) }),
      ...(residual && { residual }),
    })),
    dense: dense.map(({ name, activation }) => ({
      name,
      activation:
        activation === "softmax" || activation === "logSoftmax" ? activation : shortest(activation),
    })),
    output,
    ...(assumptions.length === 0 ? {} : { assumptions }),
  };
}

/** Throws: the note breaks a rule of docs/formats.md. */
const refuse = (what: string): never => fail("network-note", `${ARCHITECTURE_KEY}: ${what}`);

type Members = Readonly<Record<string, unknown>>;

/** An object with the allowed members and no others. Members with a question mark may be absent. */
function members(value: unknown, place: string, allowed: string): Members {
  const names = allowed.split(", ");
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isObject) {
    const needed = names.filter((name) => !name.endsWith("?"));
    return refuse(`${place}: expected { ${needed.join(", ")} }`);
  }
  for (const name of names) {
    if (!name.endsWith("?") && !Object.hasOwn(value, name)) {
      refuse(`${place}: expected { ${allowed} }, ${name} is absent`);
    }
  }
  const known = new Set(names.map((name) => name.replace("?", "")));
  const foreign = Object.keys(value).find((name) => !known.has(name));
  if (foreign !== undefined)
    refuse(`${place}: expected { ${allowed} }, got ${foreign.slice(0, 40)}`);
  return value as Members;
}

function list(value: unknown, place: string): readonly unknown[] {
  if (Array.isArray(value) && value.length <= 10_000) return value;
  return refuse(`${place}: expected a list of at most 10,000`);
}

const text = (value: unknown, place: string): string =>
  typeof value === "string" ? value : refuse(`${place}: expected a string`);

function word<W extends string>(value: unknown, place: string, words: readonly W[]): W {
  const found = words.find((each) => each === value);
  return found ?? refuse(`${place}: expected one of ${words.join(", ")}`);
}

const finite = (value: unknown, place: string): number =>
  Number.isFinite(value) ? (value as number) : refuse(`${place}: expected a number`);

const isActivation = (name: unknown): name is ActivationName =>
  typeof name === "string" && Object.hasOwn(ACTIVATIONS, name);

function readActivation(value: unknown, place: string): Activation {
  if (isActivation(value)) return value;
  if (typeof value === "string")
    return refuse(`${place}: there is no activation ${quote(value.slice(0, 40))}`);
  const found = members(value, place, "name, alpha?, beta?");
  word(found.name, `${place}.name`, Object.keys(ACTIVATIONS));
  for (const parameter of ["alpha", "beta"]) {
    if (found[parameter] !== undefined) finite(found[parameter], `${place}.${parameter}`);
  }
  return found as unknown as Activation;
}

function readUnshapedOptions(value: unknown, place: string): UnshapedOptions {
  const known = "reverse?, nonlinearity?, resetAfter?, clip?, inputForget?, activations?";
  const found = members(value, place, known);
  const { nonlinearity, clip, activations } = found;
  for (const [name, only] of [
    ["reverse", true],
    ["resetAfter", false],
    ["inputForget", true],
  ] as const) {
    const flag = found[name];
    if (flag !== undefined && flag !== only) refuse(`${place}.${name}: expected ${only}`);
  }
  if (clip !== undefined && !(finite(clip, `${place}.clip`) > 0)) {
    refuse(`${place}.clip: expected a number > 0`);
  }
  if (nonlinearity !== undefined) word(nonlinearity, `${place}.nonlinearity`, ["tanh", "relu"]);
  if (activations !== undefined) {
    list(activations, `${place}.activations`).forEach((each, i) => {
      readActivation(each, `${place}.activations[${i}]`);
    });
  }
  return found as UnshapedOptions;
}

function readRecurrent(value: unknown, i: number): RecurrentPart {
  const place = `recurrent[${i}]`;
  const known = "name, options?, merge?, layerNorm?, residual?";
  const { name, options = {}, merge, layerNorm, residual } = members(value, place, known);
  if (residual !== undefined && residual !== true) refuse(`${place}.residual: expected true`);
  return {
    name: text(name, `${place}.name`),
    options: readUnshapedOptions(options, `${place}.options`),
    ...(merge === undefined ? {} : { merge: word(merge, `${place}.merge`, ["sum", "mul", "ave"]) }),
    ...(layerNorm !== undefined && {
      layerNorm: list(layerNorm, `${place}.layerNorm`).map((each, l) =>
        readNorm(each, `${place}.layerNorm[${l}]`),
      ),
    }),
    ...(residual === undefined ? {} : { residual: true }),
  };
}

function readNorm(value: unknown, place: string): NormPart {
  const { name, epsilon } = members(value, place, "name, epsilon?");
  if (epsilon !== undefined && !(finite(epsilon, `${place}.epsilon`) > 0)) {
    refuse(`${place}.epsilon: expected a number > 0`);
  }
  return { name: text(name, `${place}.name`), epsilon: epsilon as number | undefined };
}

function readDense(
  value: unknown,
  i: number,
  all: readonly unknown[],
): Architecture["dense"][number] {
  const place = `dense[${i}]`;
  const { name, activation } = members(value, place, "name, activation");
  const softmax: DenseDescription["activation"] | undefined =
    activation === "softmax" || activation === "logSoftmax" ? activation : undefined;
  if (softmax !== undefined && i + 1 < all.length) {
    refuse(`${place}.activation: expected ${softmax} on the highest layer only`);
  }
  return {
    name: text(name, `${place}.name`),
    activation: softmax ?? readActivation(activation, `${place}.activation`),
  };
}

/** The architecture that the metadata holds, if they do. */
export function readArchitecture(
  metadata: ReadonlyMap<string, string>,
  names: PytorchNames,
): Architecture | undefined {
  const json = metadata.get(ARCHITECTURE_KEY);
  if (json === undefined) return undefined;
  const option = Object.entries(names).find(
    ([name, value]) => name !== "others" && value !== undefined,
  );
  if (option !== undefined)
    refuse(`the file defines the architecture: remove the option ${option[0]}`);
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    refuse("expected JSON");
  }
  const { input, recurrent, dense, output, residual, assumptions } = members(
    value,
    "the architecture",
    "input, recurrent, dense, output, residual?, assumptions?",
  );
  if (residual !== undefined && typeof residual !== "boolean") {
    return refuse("residual: expected true or false");
  }
  checkResidual(`${ARCHITECTURE_KEY}: residual`, residual);
  const kinds = ["steps", "step", "last", "mean", "max"] as const;
  const pooled = word(output, "output", kinds);
  const { kind, name, guessed } = members(input, "input", "kind, name?, guessed?");
  const from = word(kind, "input.kind", ["embedding", "one-hot", "features"]);
  if (guessed !== undefined && guessed !== true) return refuse("input.guessed: expected true");
  const stack = list(recurrent, "recurrent").map(readRecurrent);
  if (stack.length === 0) refuse("recurrent: expected at least one");
  if (new Set(stack.map((each) => each.name)).size < stack.length)
    refuse("recurrent: expected different names, got one twice");
  return {
    input:
      from === "embedding"
        ? { kind: from, name: text(name, "input.name") }
        : { kind: from, guessed },
    recurrent: stack,
    dense: list(dense, "dense").map(readDense),
    output: pooled === "step" ? "steps" : pooled,
    assumptions: list(assumptions ?? [], "assumptions").map((each, i) =>
      text(each, `assumptions[${i}]`),
    ),
  };
}

/**
 * Throws if the metadata give a module an option that its cell does not have, not as many normalisations as layers, or a
 * merge of one direction.
 */
export function checkUnshapedOptions(
  name: string,
  { cell, bidirectional = false, layers = 1 }: RecurrentOptions,
  { options, layerNorm, merge }: Pick<RecurrentPart, "options" | "layerNorm" | "merge">,
): void {
  if (merge !== undefined && !bidirectional) {
    refuse(`${name}: merge: expected two directions for ${merge}, got one`);
  }
  if (layerNorm !== undefined && layerNorm.length !== layers) {
    const got = layerNorm.length;
    refuse(`${name}: layerNorm: expected ${layers}, one for each layer, got ${got}`);
  }
  const own = { nonlinearity: "rnn", resetAfter: "gru", inputForget: "lstm" } as const;
  for (const [option, owner] of Object.entries(own)) {
    if (options[option as keyof typeof own] === undefined || owner === cell) continue;
    refuse(
      `${name}: ${option} belongs to cell ${quote(owner)}, and these shapes are those of ${quote(cell)}`,
    );
  }
  const n = DEFAULT_ACTIVATIONS[cell].length;
  const { activations = [], nonlinearity, reverse } = options;
  if (![0, n, bidirectional ? 2 * n : n].includes(activations.length)) {
    refuse(`${name}: expected ${n} activations per direction, got ${activations.length}`);
  }
  if (activations.length > 0 && nonlinearity)
    refuse(`${name}: expected activations or a nonlinearity, got both`);
  if (reverse && bidirectional) refuse(`${name}: expected reverse or two directions, got both`);
}
