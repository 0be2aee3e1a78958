import { ACTIVATIONS, type Activation, type ActivationName } from "../../cells/activations.js";
import type { DenseDescription, ModelDescription } from "../../description/description.js";
import type { RecurrentOptions } from "../../layers/options.js";
import type { Layout, PytorchNames, RecurrentLayout, Unshaped } from "./layout.js";
import { fail, quote } from "./names.js";

/**
 * The key of the metadata under which a file says what PyTorch's names and shapes cannot: functions other than the usual
 * ones, directions, what goes in and comes out. JSON; absent where the names and shapes say it all.
 */
export const NOTE = "recurra.network";

type Cell = RecurrentOptions["cell"];

const USUAL: Readonly<Record<Cell, readonly ActivationName[]>> = {
  rnn: ["tanh"],
  gru: ["sigmoid", "tanh"],
  lstm: ["sigmoid", "tanh", "tanh"],
};

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

/** What is not as usual, in a fixed order. */
function unshaped(options: RecurrentOptions): Unshaped {
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
  const usual = all.every((each, i) => each === USUAL[cell][i % USUAL[cell].length]);
  const relu =
    nonlinearity === "relu" || (cell === "rnn" && all.length > 0 && all.every((f) => f === "relu"));
  return {
    ...(reverse ? { reverse } : {}),
    ...(relu ? { nonlinearity: "relu" } : {}),
    ...(resetAfter ? {} : { resetAfter }),
    ...(clip === undefined || clip === Number.POSITIVE_INFINITY ? {} : { clip }),
    ...(inputForget ? { inputForget } : {}),
    ...(usual || relu ? {} : { activations: all }),
  };
}

/** The layout of a description; equal ones have equal JSON. */
export function layoutOf({ input, recurrent, dense, output }: ModelDescription): Layout {
  return {
    input:
      input.kind === "embedding" ? { kind: input.kind, name: input.name } : { kind: input.kind },
    recurrent: recurrent.map(({ name, options, merge = "concat" }) => ({
      name,
      options: unshaped(options),
      ...(merge === "concat" || !options.bidirectional ? {} : { merge }),
    })),
    dense: dense.map(({ name, activation }) => ({
      name,
      activation:
        activation === "softmax" || activation === "logSoftmax" ? activation : shortest(activation),
    })),
    output,
  };
}

/** Reads parts of a note, and refuses what no writer wrote. */
const refuse = (what: string): never => fail("network-note", `${NOTE}: ${what}`);

type Members = Readonly<Record<string, unknown>>;

/** An object of these members and no others; those with a question mark may be absent. */
function members(value: unknown, place: string, allowed: string): Members {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isObject) return refuse(`${place}: expected { ${allowed} }`);
  const names = allowed.split(", ");
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
  if (Array.isArray(value) && value.length <= 1000) return value;
  return refuse(`${place}: expected a list of at most 1000`);
}

const text = (value: unknown, place: string): string =>
  typeof value === "string" ? value : refuse(`${place}: expected a string`);

function word<W extends string>(value: unknown, place: string, words: readonly W[]): W {
  const found = words.find((each) => each === value);
  return found ?? refuse(`${place}: expected one of ${words.join(", ")}`);
}

const finite = (value: unknown, place: string): number =>
  Number.isFinite(value) ? (value as number) : refuse(`${place}: expected a number`);

const isFunction = (name: unknown): name is ActivationName =>
  typeof name === "string" && Object.hasOwn(ACTIVATIONS, name);

function readActivation(value: unknown, place: string): Activation {
  if (isFunction(value)) return value;
  if (typeof value === "string")
    return refuse(`${place}: no function is called ${value.slice(0, 40)}`);
  const { name, alpha, beta } = members(value, place, "name, alpha?, beta?");
  return {
    name: word(name, `${place}.name`, Object.keys(ACTIVATIONS) as ActivationName[]),
    ...(alpha === undefined ? {} : { alpha: finite(alpha, `${place}.alpha`) }),
    ...(beta === undefined ? {} : { beta: finite(beta, `${place}.beta`) }),
  };
}

function readUnshaped(value: unknown, place: string): Unshaped {
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
  return {
    ...found,
    ...(nonlinearity === undefined
      ? {}
      : { nonlinearity: word(nonlinearity, `${place}.nonlinearity`, ["tanh", "relu"]) }),
    ...(activations === undefined
      ? {}
      : {
          activations: list(activations, `${place}.activations`).map((each, i) =>
            readActivation(each, `${place}.activations[${i}]`),
          ),
        }),
  };
}

function readRecurrent(value: unknown, i: number): RecurrentLayout {
  const place = `recurrent[${i}]`;
  const { name, options, merge } = members(value, place, "name, options, merge?");
  return {
    name: text(name, `${place}.name`),
    options: readUnshaped(options, `${place}.options`),
    ...(merge === undefined ? {} : { merge: word(merge, `${place}.merge`, ["sum", "mul", "ave"]) }),
  };
}

function readDense(value: unknown, i: number): Layout["dense"][number] {
  const place = `dense[${i}]`;
  const { name, activation } = members(value, place, "name, activation");
  const head: DenseDescription["activation"] | undefined =
    activation === "softmax" || activation === "logSoftmax" ? activation : undefined;
  return {
    name: text(name, `${place}.name`),
    activation: head ?? readActivation(activation, `${place}.activation`),
  };
}

/** What the file says of itself, if it does. */
export function readNote(
  metadata: ReadonlyMap<string, string>,
  names: PytorchNames,
): Layout | undefined {
  const note = metadata.get(NOTE);
  if (note === undefined) return undefined;
  const option = Object.entries(names).find(
    ([name, value]) => name !== "others" && value !== undefined,
  );
  if (option !== undefined) refuse(`the file says what is what: leave out the option ${option[0]}`);
  let value: unknown;
  try {
    value = JSON.parse(note);
  } catch {
    refuse("expected JSON");
  }
  const { input, recurrent, dense, output } = members(
    value,
    "the note",
    "input, recurrent, dense, output",
  );
  const { kind, name } = members(input, "input", "kind, name?");
  const from = word(kind, "input.kind", ["embedding", "one-hot", "features"]);
  const stack = list(recurrent, "recurrent").map(readRecurrent);
  if (stack.length === 0) refuse("recurrent: expected at least one");
  if (new Set(stack.map((each) => each.name)).size < stack.length)
    refuse("recurrent: a name stands twice");
  return {
    input: from === "embedding" ? { kind: from, name: text(name, "input.name") } : { kind: from },
    recurrent: stack,
    dense: list(dense, "dense").map(readDense),
    output: word(output, "output", ["steps", "last"]),
  };
}

/** Throws where a note says of a cell what it does not have. */
export function checkUnshaped(
  name: string,
  { cell, bidirectional = false }: RecurrentOptions,
  options: Unshaped,
): void {
  const own = { nonlinearity: "rnn", resetAfter: "gru", inputForget: "lstm" } as const;
  for (const [option, owner] of Object.entries(own)) {
    if (options[option as keyof typeof own] === undefined || owner === cell) continue;
    refuse(
      `${name}: ${option} belongs to cell ${quote(owner)}, these shapes are of ${quote(cell)}`,
    );
  }
  const n = USUAL[cell].length;
  const { activations = [], nonlinearity, reverse } = options;
  if (![0, n, bidirectional ? 2 * n : n].includes(activations.length)) {
    refuse(`${name}: expected ${n} activations a direction, got ${activations.length}`);
  }
  if (activations.length > 0 && nonlinearity) refuse(`${name}: activations beside a nonlinearity`);
  if (reverse && bidirectional) refuse(`${name}: reverse beside a second direction`);
}
