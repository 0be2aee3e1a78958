import { createHash } from "node:crypto";
import Table from "cli-table3";
import type {
  Activation,
  ModelDescription,
  OutputKind,
  RecurrentDescription,
  StoredNumbers,
} from "../index.js";
import { printable } from "./faults.js";
import { type NameOptions, openModel } from "./model.js";
import { print } from "./output.js";

export interface InspectCommand extends NameOptions {
  readonly json?: boolean;
}

/** A part of a model: a layer, or the input. */
interface Part {
  readonly name: string;
  readonly what: string;
  /** Of a recurrent layer. */
  readonly options?: RecurrentDescription["options"];
  readonly weights: Readonly<Record<string, readonly number[]>>;
  readonly parameters: number;
}

const shapes = (weights: Readonly<Record<string, StoredNumbers | undefined>>) =>
  Object.fromEntries(
    Object.entries(weights).flatMap(([name, numbers]) => (numbers ? [[name, numbers.shape]] : [])),
  );

function functionName(activation: Activation): string {
  if (typeof activation === "string") return activation;
  const { name, alpha, beta } = activation;
  const numbers = [alpha, beta].filter((each) => each !== undefined);
  return numbers.length === 0 ? name : `${name}(${numbers.join(", ")})`;
}

/** The options that differ from the defaults. */
function extras({ activations, ...options }: RecurrentDescription["options"]): string[] {
  const { cell: _, inputSize: __, hiddenSize: ___, layers: ____, resetAfter, ...rest } = options;
  const named = Object.entries(rest).flatMap(([name, value]) =>
    value === undefined || value === false ? [] : [value === true ? name : `${name} ${value}`],
  );
  if (resetAfter === false) named.push("reset before the product");
  return activations ? [...named, ...activations.map(functionName)] : named;
}

function recurrentWhat({ options, merge }: RecurrentDescription): string {
  const { cell, inputSize, hiddenSize, layers = 1 } = options;
  const size = `${cell.toUpperCase()} ${inputSize} → ${hiddenSize}`;
  const all = [size, layers === 1 ? "" : `${layers} layers`, ...extras(options), merge ?? ""];
  return all.filter((each) => each !== "").join(", ");
}

/** The parts, from the input up. A weight that is used twice counts at its first use. */
export function partsOf({ input, recurrent, dense }: ModelDescription): Part[] {
  const counted = new Set<StoredNumbers["data"]>();
  const part = (
    name: string,
    what: string,
    weights: Readonly<Record<string, StoredNumbers | undefined>>,
  ): Part => {
    let parameters = 0;
    for (const numbers of Object.values(weights)) {
      if (numbers === undefined || counted.has(numbers.data)) continue;
      counted.add(numbers.data);
      parameters += numbers.data.length;
    }
    return { name, what, weights: shapes(weights), parameters };
  };
  const below =
    input.kind === "embedding"
      ? part(input.name, `embedding of ${input.weight.shape.join(" × ")}`, { weight: input.weight })
      : part("", `${input.kind} input of ${input.size}`, {});
  return [
    below,
    ...recurrent.map((each) => {
      const { options, name, weights } = each;
      return { ...part(name, recurrentWhat(each), weights), options };
    }),
    ...dense.map(({ name, weight, bias, activation }) => {
      const f =
        activation === "softmax" || activation === "logSoftmax"
          ? activation
          : functionName(activation);
      const [ny, n] = weight.shape;
      const what = `linear ${n} → ${ny}${f === "identity" ? "" : `, ${f}`}`;
      return part(name, what, { weight, bias });
    }),
  ];
}

/** How many numbers a live stream keeps; undefined if a direction reads from the end, which a stream cannot do. */
function stateSize({ recurrent }: ModelDescription): number | undefined {
  let sum = 0;
  for (const { options } of recurrent) {
    const { cell, hiddenSize, projectionSize = hiddenSize, layers = 1 } = options;
    if (options.bidirectional || options.reverse) return undefined;
    sum += layers * (projectionSize + (cell === "lstm" ? hiddenSize : 0));
  }
  return sum;
}

const count = (n: number): string => n.toLocaleString("en");

function table(parts: readonly Part[], parameters: number): string {
  const all = new Table({
    head: ["part", "what", "weights", "parameters"],
    colAligns: ["left", "left", "left", "right"],
    style: { head: [], border: [] },
  });
  for (const { name, what, weights, parameters: own } of parts) {
    const each = Object.entries(weights).map(([key, shape]) => `${key} ${shape.join(" × ")}`);
    all.push([printable(name), what, each.join("\n"), count(own)]);
  }
  all.push([{ colSpan: 3, content: "total" }, count(parameters)]);
  return all.toString();
}

const OUTPUTS: Readonly<Record<OutputKind, string>> = {
  steps: "of every step",
  last: "of the last step",
  mean: "of the mean over the steps",
  max: "of the maximum over the steps",
};

/** Prints the contents of a model file. */
export async function inspect(file: string, command: InspectCommand): Promise<number> {
  const { name, bytes, description } = await openModel(file, { ...command, quiet: true });
  const parts = partsOf(description);
  const parameters = parts.reduce((sum, part) => sum + part.parameters, 0);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const state = stateSize(description);
  const memory = {
    f64: 8 * parameters,
    f32: 4 * parameters,
    streamF64: state === undefined ? null : 8 * state,
  };
  const { format, output, metadata, assumptions = [] } = description;
  if (command.json) {
    const all = { file: name, format, bytes: bytes.length, sha256, parts, parameters, output };
    const rest = { memory, metadata: Object.fromEntries(metadata), assumptions };
    await print(`${JSON.stringify({ ...all, ...rest })}\n`);
    return 0;
  }
  const notes = [...metadata].map(
    ([key, value]) => `${printable(key, 40)}: ${printable(value, 70)}`,
  );
  const lines: [string, string][] = [
    ["file", `${printable(name)}, ${format}, ${count(bytes.length)} bytes`],
    ["sha256", sha256],
    ["output", OUTPUTS[output]],
    ["memory", `weights ${count(memory.f64)} bytes in f64, ${count(memory.f32)} in f32`],
    [
      "",
      memory.streamF64 === null
        ? "no live streams, since a direction reads from the end"
        : `a live stream's state ${count(memory.streamF64)} bytes in f64`,
    ],
    ...(notes.length === 0 ? ["none"] : notes).map((note, i): [string, string] => [
      i === 0 ? "metadata" : "",
      note,
    ]),
    ...(assumptions.length === 0 ? ["nothing"] : assumptions).map((each, i): [string, string] => [
      i === 0 ? "assumed" : "",
      printable(each),
    ]),
  ];
  const text = lines.map(([key, value]) => `${key.padEnd(10)}${value}`).join("\n");
  await print(`${table(parts, parameters)}\n${text}\n`);
  return 0;
}
